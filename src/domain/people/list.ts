import { sql } from 'kysely';
import type { Role } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { IS_CONFIRMED, SILENCED_UNTIL, SUSPENDED_UNTIL } from '../accounts/standing.ts';
import { NEWEST_REPORTS } from '../moderation/report.ts';
import { inSlice, type Page, type PageRequest, readPage } from '../page.ts';

/** States of an account that Administrators can list. */
export const ACCOUNT_STATES = ['unconfirmed', 'suspended', 'silenced', 'closed'] as const;

export type AccountState = (typeof ACCOUNT_STATES)[number];

export interface PeopleFilter {
  /** Each word must begin a word of the username, the name or the email address. */
  readonly text?: string | undefined;
  readonly role?: Role | undefined;
  readonly state?: AccountState | undefined;
}

/** A person as Administrators list them. */
export interface ListedPerson {
  readonly id: number;
  readonly username: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly memberSince: Date;
  readonly lastSeen: Date;
  readonly postCount: number;
  readonly commentCount: number;
  readonly isConfirmed: boolean;
  readonly suspendedUntil: Date | null;
  readonly silencedUntil: Date | null;
  /** When the account will be erased; null if it stays. */
  readonly deletionDueAt: Date | null;
}

/** Lists people, newest first. */
export function listPeople(db: Db, filter: PeopleFilter, request: PageRequest): Promise<Page<ListedPerson>> {
  return readPage(request, 'desc', (slice) =>
    inSlice(matching(db, filter), 'users', slice).select(LISTED).execute(),
  );
}

const MAX_REPORTED = 50;

/** Lists the people with the most open reports about them or their texts. Considers only the newest reports. */
export function listMostReported(
  db: Db,
  filter: PeopleFilter,
): Promise<(ListedPerson & { reportCount: number })[]> {
  return matching(db, filter)
    .innerJoin(
      sql<{ author_id: number; reports: number }>`
        (select author_id, count(*)::int as reports from (${NEWEST_REPORTS}) as report group by author_id)
      `.as('reported'),
      (join) => join.onRef('reported.author_id', '=', 'users.id'),
    )
    .select(LISTED)
    .select('reported.reports as reportCount')
    .orderBy('reported.reports', 'desc')
    .orderBy('users.id', 'desc')
    .limit(sql.lit(MAX_REPORTED))
    .execute();
}

/** Columns of a `ListedPerson`. */
export const LISTED = [
  'users.id',
  'users.username',
  'users.name',
  'users.email',
  'users.role',
  'users.created_at as memberSince',
  'users.last_seen_at as lastSeen',
  'users.post_count as postCount',
  'users.comment_count as commentCount',
  IS_CONFIRMED.as('isConfirmed'),
  SUSPENDED_UNTIL.as('suspendedUntil'),
  SILENCED_UNTIL.as('silencedUntil'),
  'users.deletion_due_at as deletionDueAt',
] as const;

/** Each implies the condition of `users_standing_idx`. */
const STATE_CONDITIONS = {
  unconfirmed: sql<boolean>`users.confirmed_at is null`,
  suspended: sql<boolean>`users.suspended_until > now()`,
  silenced: sql<boolean>`users.silenced_until > now()`,
  closed: sql<boolean>`users.deletion_due_at is not null`,
};

function matching(db: Db, { text, role, state }: PeopleFilter) {
  let people = db.selectFrom('users');
  // As a literal, because the index has only some roles.
  if (role !== undefined) people = people.where('users.role', '=', sql.lit(role));
  if (state !== undefined) people = people.where(STATE_CONDITIONS[state]);
  // Looked up first. Otherwise PostgreSQL may expect to find matches sooner by reading the newest accounts.
  if (text !== undefined) people = people.where(sql<boolean>`users.id = any(array(${idsOf(text)}))`);
  return people;
}

/** Apostrophes, and ASCII punctuation, which PostgreSQL's parser would take for parts of hosts, paths and tags. */
const PUNCTUATION = '[!-/:-@[-`{-~’]+';

const SEPARATORS = new RegExp(`(?:\\s|${PUNCTUATION})+`, 'u');

/**
 * The ids of the accounts with these words, by a full-text search for prefixes. Unlike trigrams, it needs no extension of
 * PostgreSQL; unlike an index on the address, it finds parts such as the domain.
 */
function idsOf(text: string) {
  const words = text.split(SEPARATORS).filter((word) => word !== '');
  if (words.length === 0) return sql`select id from users where false`;
  const query = words.map((word) => `'${word}':*`).join(' & ');
  return sql`
    select id from users
    where to_tsvector('simple', regexp_replace(username || ' ' || name || ' ' || email, ${sql.lit(PUNCTUATION)}, ' ', 'g'))
      @@ to_tsquery('simple', ${query})
  `;
}
