import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import type { PayloadOf } from '../../queue/index.ts';
import { notificationMailQueue, type notifyQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { IS_SHOWN } from '../posts/visibility.ts';
import { announce } from './announce.ts';
import { isDue } from './mail-terms.ts';

export type Cause = PayloadOf<typeof notifyQueue>;

/** Possible notifications. Of a recipient's candidates, the one with the lowest rank is used. */
interface Candidates {
  /** Identifies the cause, which notifies each person once, however often the job runs. */
  readonly cause: string;
  /** Selects `recipient_id`, `kind`, `rank`, `actor_id`, `post_id`, `comment_id` and `event_id`. */
  readonly rows: RawBuilder<unknown>;
}

/** Mentions in one text that notify people. Without a limit, one text could mail hundreds. */
const MAX_MENTIONS = 20;

/** Mentions by one person that notify people in a day. Without a limit, a spammer could have thousands mailed in an hour. */
export const MAX_DAILY_MENTIONS = 100;

/** Somebody who was notified. */
interface Notified {
  readonly recipientId: number;
  readonly isMailedAtOnce: boolean;
  readonly nextMailAt: Date;
}

/**
 * Writes the notifications of a cause, updates the recipients' open pages, and enqueues mails to those who want them at once.
 * Nobody is notified of what they did themselves, of what people they have muted or blocked did, or of what was hidden or
 * deleted since. Safe to repeat.
 */
export async function notify({ db, queue }: Dependencies, cause: Cause): Promise<void> {
  await transact(db, async (trx) => {
    const notified = await write(trx, candidatesFor(cause));
    await announce(
      trx,
      notified.map(({ recipientId }) => recipientId),
    );
    for (const { recipientId: userId, isMailedAtOnce, nextMailAt } of notified) {
      if (isMailedAtOnce)
        await queue.send(notificationMailQueue, { userId }, { db: trx, startAfter: nextMailAt });
    }
  });
}

function candidatesFor(cause: Cause): Candidates {
  switch (cause.about) {
    case 'post':
      return { cause: `post ${cause.postId}`, rows: concernedByPost(cause.postId) };
    case 'comment':
      return { cause: `comment ${cause.commentId}`, rows: concernedByComment(cause.commentId) };
    case 'like': {
      const { userId, postId } = cause;
      const rows = sql`
        select posts.author_id as recipient_id, 'like' as kind, 1 as rank, user_id as actor_id,
          posts.id as post_id, null::int as comment_id, null::int as event_id
        from likes join posts on posts.id = post_id
        where user_id = ${userId} and post_id = ${postId} and ${IS_SHOWN}`;
      return { cause: `like of ${postId} by ${userId}`, rows };
    }
    case 'follow': {
      const { followerId, followedId } = cause;
      const rows = sql`
        select followed_id as recipient_id, 'follow' as kind, 1 as rank, follower_id as actor_id,
          null::int as post_id, null::int as comment_id, null::int as event_id
        from follows where follower_id = ${followerId} and followed_id = ${followedId}`;
      return { cause: `follow by ${followerId}`, rows };
    }
    case 'moderation': {
      const rows = sql`
        select user_id as recipient_id, 'moderation' as kind, 1 as rank, null::int as actor_id,
          null::int as post_id, null::int as comment_id, id as event_id
        from security_events where id = ${cause.eventId} and user_id is not null`;
      return { cause: `event ${cause.eventId}`, rows };
    }
  }
}

/** The people that a post mentions. */
function concernedByPost(postId: number): RawBuilder<unknown> {
  return sql`
    select user_id as recipient_id, 'mention' as kind, 1 as rank, author_id as actor_id,
      posts.id as post_id, null::int as comment_id, null::int as event_id
    from posts join mentions on mentions.post_id = posts.id
    where posts.id = ${postId} and ${IS_SHOWN}
    order by mentions.id limit ${sql.lit(MAX_MENTIONS)}`;
}

/** The author of the comment that it replies to, the people that it mentions, and the post's author. */
function concernedByComment(commentId: number): RawBuilder<unknown> {
  return sql`
    select recipient_id, kind, rank, comments.author_id as actor_id,
      posts.id as post_id, comments.id as comment_id, null::int as event_id
    from comments join posts on posts.id = post_id
    cross join lateral (
      select author_id as recipient_id, 'reply' as kind, 1 as rank from comments as parent
      where parent.id = comments.parent_id
      union all (
        select user_id, 'mention', 2 from mentions where comment_id = comments.id
        order by id limit ${sql.lit(MAX_MENTIONS)})
      union all select posts.author_id, 'comment', 3
    ) as concerned
    where comments.id = ${commentId} and not comments.is_disabled and ${IS_SHOWN}`;
}

/** When to send the next mail: in ten seconds, to collect what happens together, but at least an hour after the last one. */
const NEXT_MAIL_AT = sql<Date>`greatest(now() + interval '10 seconds', mailed_at + interval '1 hour')`;

async function write(db: Db, { cause, rows: candidates }: Candidates): Promise<readonly Notified[]> {
  const { rows } = await sql<Notified>`
    with candidates as (${candidates}),
    notifications as (
      insert into notifications (recipient_id, kind, cause, actor_id, post_id, comment_id, event_id)
      select distinct on (recipient_id) recipient_id, kind, ${cause}, actor_id, post_id, comment_id, event_id
      from candidates
      where recipient_id is distinct from actor_id and not exists (
        select from blocks where blocker_id = recipient_id and blocked_id = actor_id)
        and (kind <> 'mention' or not ${hasMentionedEnough('candidates.actor_id')})
      order by recipient_id, rank
      on conflict (recipient_id, cause) do nothing
      returning recipient_id, kind, read_at, mail, created_at
    )
    select recipient_id as "recipientId", ${isDue('at-once')} as "isMailedAtOnce", ${NEXT_MAIL_AT} as "nextMailAt"
    from notifications
    join users on users.id = recipient_id
    left join notification_mails on user_id = recipient_id
  `.execute(db);
  return rows;
}

/** Whether a person has used up `MAX_DAILY_MENTIONS`. A few more may have notified. */
function hasMentionedEnough(actor: string): RawBuilder<boolean> {
  return sql`(${sql.lit(MAX_DAILY_MENTIONS)} = (select count(*) from (
    select from notifications as earlier
    where earlier.actor_id = ${sql.ref(actor)} and earlier.kind = 'mention'
      and earlier.created_at > now() - interval '1 day'
    limit ${sql.lit(MAX_DAILY_MENTIONS)}
  ) as counted))`;
}
