import { type Kysely, sql } from 'kysely';
import { mailQueue, type Queue } from '../../queues.ts';
import type { Db, Schema } from '../../schema.ts';
import { useToken } from './mailed-token.ts';

/**
 * Uses a mailed link up and confirms its account. Whoever proves to own the operator's address becomes
 * Administrator. Returns whether the link was good.
 */
export function confirmAccount(
  { db, adminEmail }: { db: Kysely<Schema>; adminEmail: string | undefined },
  token: string,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const used = await useToken(trx, 'confirm-account', token);
    if (used === undefined) return false;
    await setConfirmed(trx, used.userId);
    await grantToOperator(trx, used.userId, adminEmail);
    return true;
  });
}

/** Makes an account Administrator if its address, which has just been proven, is the operator's. */
export async function grantToOperator(db: Db, userId: number, adminEmail: string | undefined): Promise<void> {
  if (adminEmail === undefined) return;
  await db
    .updateTable('users')
    .set({ role: 'Administrator' })
    .where('id', '=', userId)
    .where(sql`lower(email)`, '=', sql`lower(${adminEmail})`)
    .execute();
}

/** Takes an account for confirmed. One that is confirmed already stays so since then. */
export async function setConfirmed(db: Db, userId: number): Promise<void> {
  await db
    .updateTable('users')
    .set({ confirmed_at: sql`coalesce(confirmed_at, now())` })
    .where('id', '=', userId)
    .execute();
}

/** Mails a new confirmation link. */
export async function resendConfirmation(
  { db, queue }: { db: Db; queue: Queue },
  userId: number,
): Promise<void> {
  await queue.send(mailQueue, { template: 'confirm-account', userId }, { db });
}
