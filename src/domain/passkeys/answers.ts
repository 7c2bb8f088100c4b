import { type Static, type TSchema, Type } from 'typebox';
import { Compile, type Validator } from 'typebox/schema';
import type { RelyingParty } from './relying-party.ts';

/** The maximum length of an answer, in characters. With a long key and no attestation, it has about two thousand. */
export const MAX_ANSWER = 20_000;

/** The longest credential id (WebAuthn, 5.8.3) in base64url. */
const idField = () => Type.String({ maxLength: 1364, pattern: '^[\\w-]+$' });

/** The fields of `credential.toJSON()` that we use. */
const COMMON = {
  id: idField(),
  rawId: idField(),
  type: Type.Literal('public-key'),
  clientExtensionResults: Type.Object({}),
};
const NewCredential = Type.Object({
  ...COMMON,
  response: Type.Object({ clientDataJSON: Type.String(), attestationObject: Type.String() }),
});
const Assertion = Type.Object({
  ...COMMON,
  response: Type.Object({
    clientDataJSON: Type.String(),
    authenticatorData: Type.String(),
    signature: Type.String(),
    userHandle: Type.Optional(Type.String()),
  }),
});

/** Loaded when first needed, because it and its dependencies load slowly. */
export const webAuthn = () => import('@simplewebauthn/server');

/** EdDSA, ES256 and RS256: every device supports one of them. Post-quantum ones are still experimental in Node. */
export const ALGORITHMS = [-8, -7, -257];

/** A new passkey's credential. */
export interface PublicKey {
  readonly credentialId: Buffer;
  readonly publicKey: Uint8Array;
  readonly counter: number;
}

/** The expected purpose of an answer. */
interface Expected extends RelyingParty {
  /** In base64url. */
  readonly challenge: string;
}

/** Verifies that a device has created a passkey for this challenge on this site, and has verified its user. */
export async function verifyNew(text: string, expected: Expected): Promise<PublicKey | undefined> {
  const response = read(newCredential, text);
  if (response === undefined) return undefined;
  const { verifyRegistrationResponse } = await webAuthn();
  const { registrationInfo } = await orRefused(() =>
    verifyRegistrationResponse({ response, ...expectations(expected), supportedAlgorithmIDs: ALGORITHMS }),
  );
  if (registrationInfo === undefined) return undefined;
  const { id, publicKey, counter } = registrationInfo.credential;
  return { credentialId: Buffer.from(id, 'base64url'), publicKey, counter };
}

export type SignedAnswer = Static<typeof Assertion>;

/** Reads the answer of a passkey, without verifying it. */
export const readAnswer = (text: string): SignedAnswer | undefined => read(assertion, text);

/**
 * Verifies that a passkey has signed this challenge on this site for this account, and its device has verified the user.
 *
 * @returns how many signatures the device has made, which the caller must compare; undefined if it is wrong
 */
export async function verifyAnswer(
  response: SignedAnswer,
  { publicKey, userId }: { publicKey: Buffer; userId: number },
  expected: Expected,
): Promise<number | undefined> {
  const { userHandle } = response.response;
  if (userHandle !== undefined && userHandle !== Buffer.from(userHandleOf(userId)).toString('base64url'))
    return undefined;
  const { verifyAuthenticationResponse } = await webAuthn();
  const credential = { id: response.id, publicKey: Uint8Array.from(publicKey), counter: 0 };
  const result = await orRefused(() =>
    verifyAuthenticationResponse({ response, credential, ...expectations(expected) }),
  );
  return result.verified ? result.authenticationInfo?.newCounter : undefined;
}

/** The WebAuthn user handle of an account: its id, which reveals no more than its profile. */
export const userHandleOf = (userId: number): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(String(userId));

function expectations({ id, origin, challenge }: Expected) {
  return { expectedRPID: id, expectedOrigin: origin, expectedChallenge: challenge };
}

/** The library throws for anything wrong with an answer. All of it comes from the visitor, so no error is ours. */
async function orRefused<Result>(
  verify: () => Promise<Result>,
): Promise<Result | { verified: false; registrationInfo?: undefined; authenticationInfo?: undefined }> {
  try {
    return await verify();
  } catch {
    return { verified: false };
  }
}

const newCredential = Compile(NewCredential);
const assertion = Compile(Assertion);

function read<Schema extends TSchema>(
  validator: Validator<Schema>,
  text: string,
): Static<Schema> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return validator.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
