import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { erasureQueue, mailQueue, type Queue } from '../../queue/contracts.ts';
import { recordEvent } from '../security-events/record.ts';
import { endAccess } from './end-access.ts';
import { requireAnotherAdministrator } from './last-administrator.ts';
import { useToken } from './mailed-token.ts';

/** Days for which a deletion can be undone. */
export const GRACE_DAYS = 7;

/**
 * Closes an account at once, and enqueues its erasure for when the days of grace have passed and the mail that can undo it.
 *
 * @param options.keepsTexts whether its posts and comments stay, without a name
 * @throws DomainError `last-administrator`
 */
export async function requestDeletion(
  { db, queue }: { db: Kysely<Schema>; queue: Queue },
  userId: number,
  { keepsTexts }: { keepsTexts: boolean },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await requireAnotherAdministrator(trx, userId);
    const { dueAt } = await trx
      .updateTable('users')
      .set({
        deletion_due_at: sql`now() + make_interval(days => ${GRACE_DAYS})`,
        deletion_keeps_texts: keepsTexts,
      })
      .where('id', '=', userId)
      .returning(({ ref }) => ref('deletion_due_at').$notNull().as('dueAt'))
      .executeTakeFirstOrThrow();
    await endAccess(trx, userId);
    await recordEvent(trx, { kind: 'deletion-requested', userId });
    await queue.send(erasureQueue, { userId }, { db: trx, startAfter: dueAt });
    await queue.send(mailQueue, { template: 'account-deletion', userId }, { db: trx });
  });
}

/** Consumes the link in that mail, which opens the account again. Returns whether the link was valid. */
export async function undoDeletion(db: Kysely<Schema>, token: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const used = await useToken(trx, 'undo-deletion', token);
    if (used === undefined) return false;
    const { userId } = used;
    const { numUpdatedRows } = await trx
      .updateTable('users')
      .set({ deletion_due_at: null })
      .where('id', '=', userId)
      .where('deletion_due_at', '>', sql<Date>`now()`) // After that, the job may have erased some of it.
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return false;
    await recordEvent(trx, { kind: 'deletion-undone', userId, actorId: userId });
    return true;
  });
}

/** What the mail says about a deletion. Undefined if it was undone. */
export async function loadDeletion(db: Db, userId: number): Promise<object | undefined> {
  const account = await db
    .selectFrom('users')
    .select(({ ref }) => [
      'deletion_keeps_texts as keepsTexts',
      ref('deletion_due_at').$notNull().as('dueAt'),
    ])
    .where('id', '=', userId)
    .where('deletion_due_at', 'is not', null)
    .executeTakeFirst();
  return account && { keepsTexts: account.keepsTexts, dueOn: account.dueAt.toISOString().slice(0, 10) };
}
