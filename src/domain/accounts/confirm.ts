import { sql } from 'kysely';
import { mailQueue, type Queue } from '../../queues.ts';
import type { Db } from '../../schema.ts';
import { hashToken } from '../token.ts';

/** Whether a mailed link would confirm an account. Looking does not use the link up. */
export async function isConfirmationValid(db: Db, token: string): Promise<boolean> {
  const found = await db
    .selectFrom('mailed_tokens')
    .select('user_id')
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', 'confirm-account')
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return found !== undefined;
}

/** Uses a mailed link up and confirms its account, in one statement. Returns whether the link was good. */
export async function confirmAccount(db: Db, token: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .with('used', (used) =>
      used
        .deleteFrom('mailed_tokens')
        .where('token_hash', '=', hashToken(token))
        .where('purpose', '=', 'confirm-account')
        .where('expires_at', '>', sql<Date>`now()`)
        .returning('user_id'),
    )
    .updateTable('users')
    .from('used')
    .set({ confirmed_at: sql`coalesce(users.confirmed_at, now())` })
    .whereRef('users.id', '=', 'used.user_id')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Mails a new confirmation link. */
export async function resendConfirmation(
  { db, queue }: { db: Db; queue: Queue },
  userId: number,
): Promise<void> {
  await queue.send(mailQueue, { template: 'confirm-account', userId }, { db });
}
