import { sql } from 'kysely';
import type { Db, NotificationKind } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import type { MailingList } from '../people/mail-choices.ts';
import { pathOfPost } from '../posts/path.ts';
import { FREQUENCY, MAY_BE_MAILED } from './mail-terms.ts';

/** Notifications that a mail quotes, and the maximum length of each quote in characters. */
const MAX_QUOTED = 10;
const MAX_QUOTE_LENGTH = 2_000;

/** A mail's section about the notifications of one kind, on one post if they are about posts. */
interface Group {
  readonly heading: string;
  /** The page that it links to. */
  readonly path: string;
  readonly quotes: readonly { readonly username: string; readonly body: string }[];
}

export interface NotificationMail {
  readonly subject: string;
  /** The list that the mail program's button unsubscribes from, and those that its text has links for. */
  readonly list: MailingList;
  readonly lists: readonly MailingList[];
  readonly groups: readonly Group[];
  /** How many more notifications there are. */
  readonly omitted: number;
}

interface Row {
  readonly kind: NotificationKind;
  readonly recipient: string;
  readonly postId: number | null;
  readonly title: string | null;
  readonly username: string;
  readonly body: string | null;
  /** Notifications of this kind and post. */
  readonly count: number;
  /** All notifications in this mail. */
  readonly total: number;
}

/** How a mail words a kind of notification. */
interface Words {
  /** The list to unsubscribe from. */
  readonly list: MailingList;
  readonly subject: string;
  /** Between a group's heading and the title of its post. */
  readonly joint?: string;
  heading(count: number): string;
}

/** The kinds that are mailed. */
const WORDS: Partial<Record<NotificationKind, Words>> = {
  comment: {
    list: 'comments',
    subject: 'New comments on your post',
    heading: (count) =>
      count === 1 ? 'There is a new comment on your post' : `There are ${count} new comments on your post`,
  },
  reply: {
    list: 'replies',
    subject: 'New replies to your comment',
    joint: ' on ',
    heading: (count) =>
      count === 1
        ? 'There is a new reply to your comment'
        : `There are ${count} new replies to your comments`,
  },
  mention: {
    list: 'mentions',
    subject: 'You were mentioned',
    joint: ' in ',
    heading: (count) => (count === 1 ? 'You were mentioned' : `You were mentioned ${count} times`),
  },
  follow: {
    list: 'follows',
    subject: 'You have new followers',
    heading: (count) => (count === 1 ? 'You have a new follower' : `You have ${count} new followers`),
  },
};

/**
 * Loads what a mail says. Leaves out what its recipient has read since or no longer wants to be mailed about, and what was
 * deleted or hidden. Undefined if nothing is left.
 *
 * @param mail.number its number among the recipient's notification mails
 */
export async function loadNotificationMail(
  db: Db,
  mail: { userId: number; number: number },
): Promise<NotificationMail | undefined> {
  const rows = await selectRows(db, mail);
  const [first] = rows;
  if (first === undefined) return undefined;
  const kinds = new Map(rows.flatMap(({ kind }) => (WORDS[kind] ? [[kind, WORDS[kind]] as const] : [])));
  const [only, ...others] = kinds.values();
  const isMixed = only === undefined || others.length > 0;
  return {
    subject: isMixed ? 'New notifications' : only.subject,
    list: isMixed ? 'notifications' : only.list,
    lists: [...kinds.values()].map(({ list }) => list),
    groups: groupsOf(rows),
    omitted: first.total - rows.length,
  };
}

function selectRows(db: Db, { userId, number }: { userId: number; number: number }): Promise<Row[]> {
  return db
    .selectFrom('notifications')
    .innerJoin('users', 'users.id', 'recipient_id')
    .leftJoin('posts', 'posts.id', 'notifications.post_id')
    .leftJoin('comments', 'comments.id', 'notifications.comment_id')
    .select([
      'notifications.kind',
      'notifications.post_id as postId',
      'posts.title',
      'users.username as recipient',
    ])
    .select(sql<string>`(select actor.username from users as actor where actor.id = actor_id)`.as('username'))
    .select(
      sql<string | null>`left(coalesce(comments.body, posts.body), ${sql.lit(MAX_QUOTE_LENGTH)})`.as('body'),
    )
    .select(sql<number>`count(*) over (partition by kind, notifications.post_id)::int`.as('count'))
    .select(sql<number>`count(*) over ()::int`.as('total'))
    .where('recipient_id', '=', userId)
    .where('read_at', 'is', null)
    .where('mail', '=', number)
    .where(sql<boolean>`${FREQUENCY} <> 'never' and ${MAY_BE_MAILED}`)
    .where(sql<boolean>`not ${isMutedBy(userId, 'actor_id')}`)
    .where(sql<boolean>`comments.is_disabled is not true and posts.is_disabled is not true`)
    .orderBy(sql`notifications.comment_id nulls last`)
    .orderBy('notifications.id')
    .limit(MAX_QUOTED)
    .execute();
}

function groupsOf(rows: readonly Row[]): Group[] {
  const groups = Map.groupBy(rows, ({ kind, postId }) => `${kind} ${postId}`);
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { kind, postId, title, recipient, count } = first;
    const { heading = () => kind, joint = ' ' } = WORDS[kind] ?? {};
    return {
      heading: heading(count) + (title === null ? '' : `${joint}“${title}”`),
      path: postId === null ? `/followers/${recipient}` : `${pathOfPost({ id: postId, title })}#comments`,
      quotes: [first, ...others].map(({ username, body }) => ({ username, body: body ?? '' })),
    };
  });
}
