import { sql } from 'kysely';
import type { Db } from '../../schema.ts';
import { type CountedPage, newestFirst, type PageRequest, readPage } from '../page.ts';

/** Somebody in a list of followers or followed people, and since when. */
export interface Following {
  readonly username: string;
  readonly avatarSeed: string;
  readonly since: Date;
}

/** Whose followers and followed people are listed. Neither count has the person themselves. */
interface Person {
  readonly id: number;
  readonly followerCount: number;
  readonly followedCount: number;
}

/** One page of who follows somebody, the newest first, without that person. */
export function listFollowers(db: Db, person: Person, page: PageRequest): Promise<CountedPage<Following>> {
  return listFollows(db, { of: 'followed_id', others: 'follower_id', ...person }, page, person.followerCount);
}

/** One page of whom somebody follows, the newest first, without that person. */
export function listFollowed(db: Db, person: Person, page: PageRequest): Promise<CountedPage<Following>> {
  return listFollows(db, { of: 'follower_id', others: 'followed_id', ...person }, page, person.followedCount);
}

interface Side {
  readonly of: 'follower_id' | 'followed_id';
  readonly others: 'follower_id' | 'followed_id';
  readonly id: number;
}

function listFollows(
  db: Db,
  { of, others, id }: Side,
  page: PageRequest,
  total: number,
): Promise<CountedPage<Following>> {
  return readPage(page, total, (range) => {
    const order = newestFirst(range);
    const onPage = db
      .selectFrom('follows')
      .select(['follows.created_at as since', `follows.${others} as id`])
      .where(`follows.${of}`, '=', id)
      .where(`follows.${others}`, '<>', id)
      .orderBy('follows.created_at', order)
      .orderBy(`follows.${others}`, order)
      .limit(sql.lit(range.limit))
      .offset(range.offset)
      .as('page');
    return db
      .selectFrom(onPage)
      .innerJoin('users', 'users.id', 'page.id')
      .select(['users.username', 'users.avatar_seed as avatarSeed', 'page.since'])
      .orderBy('page.since', order)
      .orderBy('page.id', order)
      .execute();
  });
}
