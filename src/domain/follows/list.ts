import type { Db } from '../../schema.ts';
import { type Page, type PageRequest, readPage, rowCount } from '../page.ts';

/** Somebody in a list of followers or followed people, and since when. */
export interface Following {
  readonly username: string;
  readonly avatarSeed: string;
  readonly since: Date;
}

/** One page of who follows somebody, the newest first, without that person. */
export function listFollowers(db: Db, userId: number, page: PageRequest): Promise<Page<Following>> {
  return listFollows(db, { of: 'followed_id', others: 'follower_id', userId }, page);
}

/** One page of whom somebody follows, the newest first, without that person. */
export function listFollowed(db: Db, userId: number, page: PageRequest): Promise<Page<Following>> {
  return listFollows(db, { of: 'follower_id', others: 'followed_id', userId }, page);
}

interface Side {
  readonly of: 'follower_id' | 'followed_id';
  readonly others: 'follower_id' | 'followed_id';
  readonly userId: number;
}

function listFollows(db: Db, { of, others, userId }: Side, page: PageRequest): Promise<Page<Following>> {
  const follows = db
    .selectFrom('follows')
    .where(`follows.${of}`, '=', userId)
    .where(`follows.${others}`, '<>', userId);
  return readPage(
    page,
    async () => (await follows.select(rowCount.as('count')).executeTakeFirstOrThrow()).count,
    ({ limit, offset }) =>
      follows
        .innerJoin('users', 'users.id', `follows.${others}`)
        .select(['users.username', 'users.avatar_seed as avatarSeed', 'follows.created_at as since'])
        .orderBy('follows.created_at', 'desc')
        .orderBy('users.id', 'desc')
        .limit(limit)
        .offset(offset)
        .execute(),
  );
}
