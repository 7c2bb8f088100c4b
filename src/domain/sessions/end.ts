import type { Db } from '../../schema.ts';
import { hashToken } from '../token.ts';

/** Ends one session, on one device. Ending one that is over already changes nothing. */
export async function endSession(db: Db, token: string): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', hashToken(token)).execute();
}

/** Ends every session of an account, on all devices. */
export async function endAllSessions(db: Db, userId: number): Promise<void> {
  await db.deleteFrom('sessions').where('user_id', '=', userId).execute();
}

/** Ends every session of an account but the one whose token is given. */
export async function endOtherSessions(db: Db, userId: number, token: string): Promise<void> {
  await db
    .deleteFrom('sessions')
    .where('user_id', '=', userId)
    .where('token_hash', '<>', hashToken(token))
    .execute();
}
