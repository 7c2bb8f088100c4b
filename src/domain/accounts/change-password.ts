import type { Kysely } from 'kysely';
import { mailQueue, type Queue } from '../../queues.ts';
import type { Db, Schema } from '../../schema.ts';
import { revokeAllTokens, revokeUnnamedTokens } from '../api-tokens/revoke.ts';
import { endAllSessions } from '../sessions/end.ts';
import { findByEmail } from './find.ts';
import { useToken } from './mailed-token.ts';

interface Hasher {
  hash(password: string): Promise<string>;
}

/** Gives an account a new password. What was got with the old one, links to reset it and tokens, is worth nothing any more. */
export async function changePassword(
  { db, passwords }: { db: Kysely<Schema>; passwords: Hasher },
  userId: number,
  password: string,
): Promise<void> {
  const passwordHash = await passwords.hash(password);
  await db.transaction().execute(async (trx) => {
    await storePassword(trx, userId, passwordHash);
    await revokeUnnamedTokens(trx, userId);
  });
}

/** Mails a link to reset the password, if the email has an account; whoever asks is not told. */
export async function requestPasswordReset(
  { db, queue }: { db: Db; queue: Queue },
  email: string,
): Promise<void> {
  const account = await findByEmail(db, email);
  if (account === undefined) return;
  await queue.send(mailQueue, { template: 'reset-password', userId: account.id }, { db });
}

/**
 * Uses a mailed link up, sets the new password, ends every session and revokes every token, for whoever knew the
 * old one may have some.
 * Returns whether the link was good.
 */
export async function resetPassword(
  { db, passwords }: { db: Kysely<Schema>; passwords: Hasher },
  token: string,
  password: string,
): Promise<boolean> {
  const passwordHash = await passwords.hash(password);
  return db.transaction().execute(async (trx) => {
    const used = await useToken(trx, 'reset-password', token);
    if (used === undefined) return false;
    await storePassword(trx, used.userId, passwordHash);
    await endAllSessions(trx, used.userId);
    await revokeAllTokens(trx, used.userId);
    return true;
  });
}

async function storePassword(db: Db, userId: number, passwordHash: string): Promise<void> {
  await db.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', userId).execute();
  await db
    .deleteFrom('mailed_tokens')
    .where('user_id', '=', userId)
    .where('purpose', '=', 'reset-password')
    .execute();
}
