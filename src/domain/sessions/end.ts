import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { recordEvent } from '../security-events/record.ts';
import { hashToken } from '../token.ts';

/** Ends a session. Does nothing if it has already ended. */
export async function endSession(db: Db, token: string): Promise<void> {
  await db.deleteFrom('sessions').where('token_hash', '=', hashToken(token)).execute();
}

/** Ends one session of an account, by its `ListedSession.id`. Returns whether it existed. */
export async function endListedSession(db: Kysely<Schema>, userId: number, id: string): Promise<boolean> {
  return (await endSessions(db, userId, { only: Buffer.from(id, 'hex') })) > 0;
}

/** Ends all sessions of an account but one, by its token's hash. Returns how many there were. */
export function endOtherSessions(db: Kysely<Schema>, userId: number, kept: Buffer): Promise<number> {
  return endSessions(db, userId, { except: kept });
}

async function endSessions(
  db: Kysely<Schema>,
  userId: number,
  { only, except }: { only?: Buffer; except?: Buffer },
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    let ending = trx.deleteFrom('sessions').where('user_id', '=', userId);
    if (only !== undefined) ending = ending.where('token_hash', '=', only);
    if (except !== undefined) ending = ending.where('token_hash', '<>', except);
    const { numDeletedRows } = await ending.executeTakeFirstOrThrow();
    if (numDeletedRows > 0n) await recordEvent(trx, { kind: 'sessions-ended', userId });
    return Number(numDeletedRows);
  });
}
