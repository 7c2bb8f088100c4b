import type { PublicKeyCredentialCreationOptionsJSON } from '@simplewebauthn/server';
import type { Kysely } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { mailQueue } from '../../queues.ts';
import { endAccess } from '../accounts/end-access.ts';
import { HAS_TWO_FACTOR } from '../accounts/standing.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent } from '../security-events/record.ts';
import { replaceRecoveryCodes } from '../two-factor/recovery-codes.ts';
import { violatedConstraint } from '../violated-constraint.ts';
import { ALGORITHMS, userHandleOf, verifyNew, webAuthn } from './answers.ts';
import { CHALLENGE_SECONDS, issueChallenge, takeChallenge } from './challenge.ts';
import { listPasskeys } from './list.ts';
import type { RelyingParty } from './relying-party.ts';

/** Passkeys per account: more than anyone's devices. */
export const MAX_PASSKEYS = 10;

/** Prepares the options with which a browser creates a passkey, in a session of the account. */
export async function optionsForNew(
  db: Kysely<Schema>,
  { id, siteName }: RelyingParty & { siteName: string },
  { userId, username, sessionHash }: { userId: number; username: string; sessionHash: Buffer },
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { generateRegistrationOptions } = await webAuthn();
  const known = await listPasskeys(db, userId);
  return generateRegistrationOptions({
    rpID: id,
    rpName: siteName,
    userID: userHandleOf(userId),
    userName: username,
    challenge: await issueChallenge(db, sessionHash),
    timeout: CHALLENGE_SECONDS * 1000,
    attestationType: 'none',
    supportedAlgorithmIDs: ALGORITHMS,
    // Discoverable, to replace the email address; verified, to replace the password.
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    excludeCredentials: known.map(({ credentialId }) => ({ id: credentialId.toString('base64url') })),
  });
}

export interface NewPasskey {
  readonly userId: number;
  /** The token hash of the session that was given the options. */
  readonly session: Buffer | undefined;
  readonly name: string;
  /** The browser's answer to the options, as JSON. */
  readonly answer: string;
}

/**
 * Adds a passkey and mails the account's owner. If the password alone was enough before, ends all other access, as turning
 * on two-factor authentication does.
 *
 * @returns whether this turned on two-factor authentication, and recovery codes if the account had none; undefined if the
 *   answer is wrong, or the account has MAX_PASSKEYS
 */
export async function addPasskey(
  { db, queue }: Dependencies,
  site: RelyingParty,
  { userId, session, name, answer }: NewPasskey,
): Promise<{ isFirst: boolean; codes: string[] } | undefined> {
  const challenge = await takeChallenge(db, session);
  const passkey = challenge && (await verifyNew(answer, { ...site, challenge }));
  if (!passkey) return undefined;
  try {
    return await db.transaction().execute(async (trx) => {
      const { count, isProtected } = await trx
        .selectFrom('users')
        .select(['passkey_count as count', HAS_TWO_FACTOR.as('isProtected')])
        .where('id', '=', userId)
        .forUpdate()
        .executeTakeFirstOrThrow();
      const isCurrent = await trx
        .selectFrom('sessions')
        .select('user_id')
        .where('token_hash', '=', session ?? null)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      if (count >= MAX_PASSKEYS || isCurrent === undefined) return undefined;
      await trx
        .insertInto('passkeys')
        .values({
          user_id: userId,
          credential_id: passkey.credentialId,
          public_key: passkey.publicKey,
          counter: passkey.counter,
          name,
        })
        .execute();
      if (!isProtected) await endAccess(trx, userId, { exceptSession: session });
      await recordEvent(trx, { kind: 'passkey-added', userId, detail: { name } });
      await queue.send(mailQueue, { template: 'passkey-added', userId }, { db: trx });
      const kept = await trx
        .selectFrom('recovery_codes')
        .select('user_id')
        .where('user_id', '=', userId)
        .limit(1)
        .executeTakeFirst();
      const codes = kept === undefined ? await replaceRecoveryCodes(trx, userId) : [];
      return { isFirst: !isProtected, codes };
    });
  } catch (error) {
    if (violatedConstraint(error) === 'passkeys_credential_id_key') return undefined;
    throw error;
  }
}
