import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { expiry } from '../sessions/lifetime.ts';

/** How long a device may take to sign, in seconds. */
export const CHALLENGE_SECONDS = 5 * 60;

/** Twice as much as WebAuthn asks for (13.4.3). */
const CHALLENGE_BYTES = 32;

/** Makes a challenge for a session, which voids its last one. */
export async function issueChallenge(db: Db, sessionHash: Buffer): Promise<Uint8Array<ArrayBuffer>> {
  const challenge = Uint8Array.from(randomBytes(CHALLENGE_BYTES));
  const fresh = { challenge: Buffer.from(challenge), expires_at: expiry(CHALLENGE_SECONDS) };
  await db
    .insertInto('passkey_challenges')
    .values({ session_hash: sessionHash, ...fresh })
    .onConflict((conflict) => conflict.column('session_hash').doUpdateSet(fresh))
    .execute();
  return challenge;
}

/** Uses up a session's challenge, even if the answer turns out to be wrong. Returns it in base64url, if there is one. */
export async function takeChallenge(db: Db, sessionHash: Buffer | undefined): Promise<string | undefined> {
  const row = await db
    .deleteFrom('passkey_challenges')
    .where('session_hash', '=', sessionHash ?? null)
    .returning(['challenge', sql<boolean>`expires_at > now()`.as('isInTime')])
    .executeTakeFirst();
  return row?.isInTime ? row.challenge.toString('base64url') : undefined;
}
