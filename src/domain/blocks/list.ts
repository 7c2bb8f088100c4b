import type { BlockKind, Db } from '../../database/schema.ts';
import { inSlice, type Page, type PageRequest, readPage, rowCount } from '../page.ts';

/** Somebody a person has muted or blocked. */
export interface BlockedPerson {
  /** The id of the block. */
  readonly id: number;
  readonly personId: number;
  readonly username: string;
  readonly avatarSeed: string;
  readonly pictureHash: string | null;
  readonly kind: BlockKind;
  readonly since: Date;
}

/** Reads one page of the people a person has muted or blocked, newest first. */
export function listBlocked(db: Db, blockerId: number, page: PageRequest): Promise<Page<BlockedPerson>> {
  const blocks = db.selectFrom('blocks').where('blocks.blocker_id', '=', blockerId);
  return readPage(page, 'desc', (slice) => {
    const found = inSlice(blocks, 'blocks', slice)
      .select(['blocks.id', 'blocks.kind', 'blocks.created_at as since', 'blocks.blocked_id as blockedId'])
      .as('block');
    return db
      .selectFrom(found)
      .innerJoin('users', 'users.id', 'block.blockedId')
      .select(['block.id', 'block.blockedId as personId', 'block.kind', 'block.since', 'users.username'])
      .select(['users.avatar_seed as avatarSeed', 'users.picture_hash as pictureHash'])
      .orderBy('block.id', slice.order)
      .execute();
  });
}

/** Counts them. There are `MAX_BLOCKS` at most. */
export async function countBlocked(db: Db, blockerId: number): Promise<number> {
  const blocks = db.selectFrom('blocks').where('blocker_id', '=', blockerId);
  return (await blocks.select(rowCount.as('total')).executeTakeFirstOrThrow()).total;
}
