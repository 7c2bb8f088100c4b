import type { Db } from '../../database/schema.ts';
import { inSlice, type Page, type PageRequest, readPage } from '../page.ts';

/**
 * A person in a list of followers or followed people. Like profiles, posts and comments, these lists include suspended
 * people, to agree with the counts.
 */
export interface Following {
  /** The id of the follow. */
  readonly id: number;
  readonly personId: number;
  readonly username: string;
  readonly avatarSeed: string;
  readonly pictureHash: string | null;
  readonly since: Date;
}

/** Reads one page of a user's followers, newest first. */
export function listFollowers(db: Db, userId: number, page: PageRequest): Promise<Page<Following>> {
  return listFollows(db, { of: 'followed_id', others: 'follower_id', userId }, page);
}

/** Reads one page of the people a user follows, newest first. */
export function listFollowed(db: Db, userId: number, page: PageRequest): Promise<Page<Following>> {
  return listFollows(db, { of: 'follower_id', others: 'followed_id', userId }, page);
}

interface Side {
  readonly of: 'follower_id' | 'followed_id';
  readonly others: 'follower_id' | 'followed_id';
  readonly userId: number;
}

function listFollows(db: Db, { of, others, userId }: Side, page: PageRequest): Promise<Page<Following>> {
  const follows = db.selectFrom('follows').where(`follows.${of}`, '=', userId);
  return readPage(page, 'desc', (slice) => {
    const found = inSlice(follows, 'follows', slice)
      .select(['follows.id', 'follows.created_at as since', `follows.${others} as otherId`])
      .as('follow');
    return db
      .selectFrom(found)
      .innerJoin('users', 'users.id', 'follow.otherId')
      .select(['follow.id', 'follow.otherId as personId', 'users.username', 'follow.since'])
      .select(['users.avatar_seed as avatarSeed', 'users.picture_hash as pictureHash'])
      .orderBy('follow.id', slice.order)
      .execute();
  });
}
