import { type Kysely, sql } from 'kysely';
import { mailQueue, type Queue } from '../../queue/contracts.ts';
import type { Db, Role, Schema } from '../../schema.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { useToken } from './mailed-token.ts';

/**
 * Uses a mailed link up and confirms its account, which thereby owns the address. Whoever proves to own the operator's
 * address becomes Administrator.
 *
 * @returns whose account it was; undefined when the link is not good, or another account has confirmed the address
 */
export async function confirmAccount(
  { db, adminEmail }: { db: Kysely<Schema>; adminEmail: string | undefined },
  token: string,
): Promise<number | undefined> {
  try {
    return await db.transaction().execute(async (trx) => {
      const used = await useToken(trx, 'confirm-account', token);
      if (used === undefined) return undefined;
      await setConfirmed(trx, used.userId);
      await recordEvent(trx, { kind: 'confirmed', userId: used.userId, actorId: used.userId });
      await grantToOperator(trx, used.userId, adminEmail);
      return used.userId;
    });
  } catch (error) {
    if (violatedConstraint(error) === 'users_email_key') return undefined;
    throw error;
  }
}

/** Makes an account Administrator if its address, which has just been proven, is the operator's. */
export async function grantToOperator(db: Db, userId: number, adminEmail: string | undefined): Promise<void> {
  if (adminEmail === undefined) return;
  const { numUpdatedRows } = await db
    .updateTable('users')
    .set({ role: 'Administrator' })
    .where('id', '=', userId)
    .where('role', '<>', 'Administrator')
    .where(sql`lower(email)`, '=', sql`lower(${adminEmail})`)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  const detail = { role: 'Administrator' };
  await recordEvent(db, { kind: 'role-changed', userId, actorId: null, detail });
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

/**
 * Gives an account that is not confirmed another address, and mails its confirmation link there. What was sent to the
 * old address, and a role that it gave, are worth nothing any more.
 *
 * @returns whether that was done: not when the account has been confirmed meanwhile
 */
export async function correctEmail(
  { db, queue }: { db: Kysely<Schema>; queue: Queue },
  userId: number,
  email: string,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('users')
      .set({ email, role: sql<Role>`case when lower(email) = lower(${email}) then role else 'User' end` })
      .where('id', '=', userId)
      .where('confirmed_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return false;
    await recordEvent(trx, { kind: 'address-changed', userId });
    await resendConfirmation({ db: trx, queue }, userId);
    return true;
  });
}
