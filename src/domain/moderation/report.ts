import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { IS_SHOWN } from '../posts/visibility.ts';
import { recordEvent, type Why } from '../security-events/record.ts';

/** What can be reported. */
export const REPORTABLE = ['post', 'comment', 'person'] as const;

/** The maximum length of a reason, in characters. */
export const MAX_REASON_LENGTH = 500;

export interface Reported {
  readonly kind: (typeof REPORTABLE)[number];
  readonly id: number;
}

const COLUMN = { post: 'post_id', comment: 'comment_id', person: 'person_id' } as const;
const TABLE = { post: 'posts', comment: 'comments', person: 'users' } as const;

/** The conditions for what anyone can read. As for profiles, an unconfirmed account does not exist. */
const IS_READABLE = { post: IS_SHOWN, comment: sql`true`, person: sql`confirmed_at is not null` } as const;

/**
 * Reports something to the moderators. Reporting it again replaces the reason.
 *
 * @param options.seesDisabled whether the reporter can read posts that a moderator has hidden
 * @throws DomainError `not-found` if it does not exist, or is such a post
 */
export async function report(
  db: Db,
  { kind, id }: Reported,
  {
    reporterId,
    reason,
    seesDisabled = false,
  }: { reporterId: number; reason: string; seesDisabled?: boolean },
): Promise<void> {
  const column = sql.ref(COLUMN[kind]);
  const isReadable = kind === 'post' && seesDisabled ? sql`true` : IS_READABLE[kind];
  const { numAffectedRows } = await sql`
    insert into reports (reporter_id, ${column}, reason)
    select ${reporterId}, id, ${reason} from ${sql.table(TABLE[kind])} where id = ${id} and ${isReadable}
    on conflict (${column}, reporter_id) where ${column} is not null do update set reason = excluded.reason
  `.execute(db);
  if (numAffectedRows === 0n) throw noSuch(kind);
}

/** A post, comment or person with open reports, for moderators. */
export interface OpenReport {
  readonly kind: Reported['kind'];
  readonly id: number;
  readonly authorId: number;
  readonly authorUsername: string;
  /** A post's title; null for anything else. */
  readonly title: string | null;
  /** HTML of the text, or a person's “about me” as plain text. May be truncated. */
  readonly text: string;
  readonly isDisabled: boolean;
  /** How many people have reported it. */
  readonly count: number;
  /** The newest reasons. */
  readonly reasons: readonly string[];
}

/** The number of newest reports considered, of things listed, and of characters of each. */
const MAX_CONSIDERED = 300;
const MAX_LISTED = 50;
const MAX_TEXT_LENGTH = 2_000;

/** The newest reports, with the people they are about. */
export const NEWEST_REPORTS = sql`
  select id, reason, post_id, comment_id, person_id, coalesce(
    person_id,
    (select author_id from posts where posts.id = post_id),
    (select author_id from comments where comments.id = comment_id)
  ) as author_id
  from reports order by id desc limit ${sql.lit(MAX_CONSIDERED)}
`;

/**
 * Lists posts, comments and people with open reports, most reported first. Considers only the newest reports.
 *
 * @param options.authorId lists only this person and their texts
 */
export async function listOpenReports(
  db: Db,
  { authorId }: { authorId?: number } = {},
): Promise<OpenReport[]> {
  const { rows } = await sql<OpenReport>`
    select kind, reported.id, author.id as "authorId", author.username as "authorUsername", post.title,
      left(coalesce(post.body_html, comment.body_html, author.about_me), ${sql.lit(MAX_TEXT_LENGTH)}) as text,
      coalesce(post.is_disabled, comment.is_disabled, false) as "isDisabled", count, reasons
    from (
      select
        case when post_id is not null then 'post' when comment_id is not null then 'comment' else 'person' end as kind,
        coalesce(post_id, comment_id, person_id) as id, post_id, comment_id, author_id,
        count(*)::int as count, (array_agg(reason order by id desc))[1:5] as reasons, max(id) as newest
      from (${NEWEST_REPORTS}) as newest_reports
      where ${authorId === undefined ? sql`true` : sql`author_id = ${authorId}`}
      group by post_id, comment_id, person_id, author_id
      order by count(*) desc, max(id) desc limit ${sql.lit(MAX_LISTED)}
    ) as reported
    left join posts as post on post.id = post_id
    left join comments as comment on comment.id = comment_id
    join users as author on author.id = reported.author_id
    order by count desc, newest desc
  `.execute(db);
  return rows;
}

/** Closes all reports of something, whatever was decided. Does nothing if there are none. */
export async function closeReports(db: Kysely<Schema>, { kind, id }: Reported, why: Why = {}): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { numDeletedRows } = await trx
      .deleteFrom('reports')
      .where(COLUMN[kind], '=', id)
      .executeTakeFirst();
    if (numDeletedRows === 0n) return;
    const { userId } = await trx
      .selectFrom(TABLE[kind])
      .select(kind === 'person' ? 'id as userId' : 'author_id as userId')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    const about = kind === 'person' ? {} : { [kind]: id };
    const detail = { reports: Number(numDeletedRows), ...about, ...why };
    await recordEvent(trx, { kind: 'reports-closed', userId, detail });
  });
}
