import type { PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';
import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import type { Candidate } from '../accounts/find.ts';
import { SUSPENDED_UNTIL } from '../accounts/standing.ts';
import { recordFailedLogIn } from '../security-events/record.ts';
import { readAnswer, verifyAnswer, webAuthn } from './answers.ts';
import { CHALLENGE_SECONDS, issueChallenge, takeChallenge } from './challenge.ts';
import type { RelyingParty } from './relying-party.ts';

/** Prepares the options with which a browser asks for a passkey. They name no account; the person chooses one. */
export async function optionsForLogIn(
  db: Db,
  { id }: RelyingParty,
  sessionHash: Buffer,
): Promise<PublicKeyCredentialRequestOptionsJSON> {
  const { generateAuthenticationOptions } = await webAuthn();
  return generateAuthenticationOptions({
    rpID: id,
    challenge: await issueChallenge(db, sessionHash),
    timeout: CHALLENGE_SECONDS * 1000,
    userVerification: 'required',
  });
}

/** The account that a passkey proves. */
export type ProvenAccount = Pick<Candidate, 'id' | 'deletionDueAt' | 'suspendedUntil'>;

/**
 * Finds the account whose passkey has signed a session's challenge. Records a refusal in the log of the passkey's account.
 *
 * @param options.session the token hash of the session that was given the options
 * @param options.answer the browser's answer to them, as JSON
 * @param options.onlyOf the account for which the password was given; by default, any
 * @returns undefined if the answer is wrong
 */
export async function usePasskey(
  db: Kysely<Schema>,
  site: RelyingParty,
  { session, answer, onlyOf }: { session: Buffer | undefined; answer: string; onlyOf?: number },
): Promise<ProvenAccount | undefined> {
  const challenge = await takeChallenge(db, session);
  const response = readAnswer(answer);
  if (challenge === undefined || response === undefined) return undefined;
  const passkey = await db
    .selectFrom('passkeys')
    .innerJoin('users', 'users.id', 'passkeys.user_id')
    .select(['passkeys.id', 'user_id as userId', 'public_key as publicKey'])
    .select(['deletion_due_at as deletionDueAt', SUSPENDED_UNTIL.as('suspendedUntil')])
    .where('credential_id', '=', Buffer.from(response.id, 'base64url'))
    .executeTakeFirst();
  if (passkey === undefined) return undefined;
  const { userId, deletionDueAt, suspendedUntil } = passkey;
  if (onlyOf !== undefined && userId !== onlyOf) return undefined;
  const counter = await verifyAnswer(response, passkey, { ...site, challenge });
  if (counter === undefined) await recordFailedLogIn(db, userId, 'wrong passkey');
  else if (await countUse(db, passkey.id, counter)) return { id: userId, deletionDueAt, suspendedUntil };
  else await recordFailedLogIn(db, userId, 'passkey may have been copied');
  return undefined;
}

/**
 * Records that a passkey was used.
 *
 * @param counter how many signatures its device has made; 0 if the device does not count
 * @returns false if the counter has not increased, which means that the passkey was copied (WebAuthn, 6.1.1)
 */
async function countUse(db: Db, id: number, counter: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('passkeys')
    .set({ counter, last_used_at: sql<Date>`now()` })
    .where('id', '=', id)
    .where(sql<boolean>`(counter < ${counter} or (counter = 0 and ${counter} = 0))`)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
