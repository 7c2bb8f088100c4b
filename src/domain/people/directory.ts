import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { inSlice, type Page, type PageRequest, readPage } from '../page.ts';
import { IS_LISTED } from '../posts/visibility.ts';

/** A person as everyone sees them. */
export interface PublicPerson {
  readonly id: number;
  readonly username: string;
  readonly name: string;
  readonly location: string;
  readonly aboutMe: string;
  readonly avatarSeed: string;
  readonly pictureHash: string | null;
  readonly memberSince: Date;
  readonly lastSeen: Date;
  readonly postCount: number;
}

/** Columns of a `PublicPerson`. */
export const PUBLIC_COLUMNS = [
  'users.id',
  'users.username',
  'users.name',
  'users.location',
  'users.about_me as aboutMe',
  'users.avatar_seed as avatarSeed',
  'users.picture_hash as pictureHash',
  'users.created_at as memberSince',
  'users.last_seen_at as lastSeen',
  'users.post_count as postCount',
] as const;

/** Whether everyone may find a person: their account is confirmed, not suspended, and not about to be deleted. */
export const IS_FINDABLE = sql<boolean>`(users.confirmed_at is not null and ${IS_OPEN})`;

/**
 * How many of the newest posts decide who is active. An index on a count of posts or on a time would be updated whenever
 * somebody publishes or visits.
 */
export const NEWEST_POSTS = 1_000;

/** Lists people, newest first. Leaves out people the reader has muted or blocked, as lists of posts do. */
export function listNewestPeople(
  db: Db,
  readerId: number | undefined,
  page: PageRequest,
): Promise<Page<PublicPerson>> {
  return readPage(page, 'desc', (slice) =>
    inSlice(
      // The first two conditions are those of `users_confirmed_idx`.
      db.selectFrom('users').where('confirmed_at', 'is not', null).where('deletion_due_at', 'is', null),
      'users',
      slice,
    )
      .where(IS_FINDABLE)
      .select(PUBLIC_COLUMNS)
      .select(isMutedBy(readerId, 'users.id').as('isMuted'))
      .execute(),
  );
}

/** Who has written the most, or most recently. */
export type Activity = 'most' | 'latest';

const ORDERS: Record<Activity, RawBuilder<unknown>> = {
  most: sql`count(*) desc, max(position) desc`,
  latest: sql`max(position) desc`,
};

/** Lists the authors of the newest posts, in an order of their activity. */
export async function listActivePeople(
  db: Db,
  readerId: number | undefined,
  { by, limit }: { by: Activity; limit: number },
): Promise<PublicPerson[]> {
  const newest = sql`select position, author_id from posts where ${IS_LISTED} order by position desc limit ${sql.lit(NEWEST_POSTS)}`;
  const authors = sql<{ id: number; place: number }>`(
    select author_id as id, row_number() over (order by ${ORDERS[by]}) as place
    from (${newest}) as newest_posts
    where not ${isMutedBy(readerId, 'author_id')}
    group by author_id
  )`;
  // A lateral join looks up only the people listed; with a plain join, the planner might read all people.
  return db
    .selectFrom(authors.as('author'))
    .innerJoinLateral(
      ({ selectFrom }) =>
        selectFrom('users')
          .select(PUBLIC_COLUMNS)
          .whereRef('users.id', '=', 'author.id')
          .where(IS_FINDABLE)
          .limit(sql.lit(1))
          .as('person'),
      (join) => join.onTrue(),
    )
    .selectAll('person')
    .orderBy('author.place')
    .limit(sql.lit(limit))
    .execute();
}
