import type { Kysely } from 'kysely';
import type { BlockKind, Db, Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { markReadOf } from '../notifications/read.ts';
import { rowCount } from '../page.ts';

/** People that one person can mute or block. */
export const MAX_BLOCKS = 1_000;

/** Two people, by id. */
export interface Pair {
  readonly blockerId: number;
  readonly blockedId: number;
}

/**
 * Mutes or blocks a person, who is not told. A block ends follows both ways. Muting somebody who is blocked changes nothing.
 * Marks notifications about what the person did as read.
 *
 * @throws DomainError `not-found`, `too-many-blocks`, or `forbidden` for oneself
 */
export async function block(db: Kysely<Schema>, pair: Pair, kind: BlockKind): Promise<void> {
  const { blockerId, blockedId } = pair;
  if (blockerId === blockedId) throw new DomainError('forbidden', `You cannot ${kind} yourself.`);
  await transact(db, async (trx) => {
    await lockBoth(trx, pair);
    await insertBlock(trx, pair, kind);
    await markReadOf(trx, blockerId, blockedId);
    if (kind === 'block') await endFollows(trx, pair);
  });
}

/** Undoes a mute or a block. Ended follows do not come back. */
export async function unblock(db: Db, { blockerId, blockedId }: Pair, kind: BlockKind): Promise<void> {
  await db
    .deleteFrom('blocks')
    .where('blocker_id', '=', blockerId)
    .where('blocked_id', '=', blockedId)
    .where('kind', '=', kind)
    .execute();
}

/** Whether one of two people has blocked the other. */
export async function isBlocked(db: Db, oneId: number, otherId: number): Promise<boolean> {
  const found = await db
    .selectFrom('blocks')
    .select('kind')
    .where('kind', '=', 'block')
    .where(({ eb, or, and }) =>
      or([
        and([eb('blocker_id', '=', oneId), eb('blocked_id', '=', otherId)]),
        and([eb('blocker_id', '=', otherId), eb('blocked_id', '=', oneId)]),
      ]),
    )
    .executeTakeFirst();
  return found !== undefined;
}

/** Locks both rows in the order of the counters' triggers, to serialise with concurrent follows. */
async function lockBoth(trx: Db, { blockerId, blockedId }: Pair): Promise<void> {
  const people = await trx
    .selectFrom('users')
    .select('id')
    .where('id', 'in', [blockerId, blockedId])
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  if (people.length < 2) throw noSuch('user');
}

async function insertBlock(trx: Db, { blockerId, blockedId }: Pair, kind: BlockKind): Promise<void> {
  await trx
    .insertInto('blocks')
    .values({ blocker_id: blockerId, blocked_id: blockedId, kind })
    .onConflict((conflict) => {
      const known = conflict.columns(['blocker_id', 'blocked_id']);
      return kind === 'block' ? known.doUpdateSet({ kind }) : known.doNothing();
    })
    .execute();
  const { total } = await trx
    .selectFrom('blocks')
    .select(rowCount.as('total'))
    .where('blocker_id', '=', blockerId)
    .executeTakeFirstOrThrow();
  if (total > MAX_BLOCKS) {
    throw new DomainError('too-many-blocks', `You can mute and block ${MAX_BLOCKS} people at most.`);
  }
}

async function endFollows(trx: Db, { blockerId, blockedId }: Pair): Promise<void> {
  const both = [blockerId, blockedId];
  await trx.deleteFrom('follows').where('follower_id', 'in', both).where('followed_id', 'in', both).execute();
}
