import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { isoCBOR } from '@simplewebauthn/server/helpers';
import type { FastifyInstance } from 'fastify';
import type { Client } from './client.ts';
import type { TestUser } from './factories.ts';

/** Bits of the flags in authenticator data (WebAuthn, 6.1). */
const FLAGS = { present: 1, verified: 4, hasKey: 64 };

interface Changes {
  readonly origin?: string;
  readonly rpId?: string;
  readonly isVerified?: boolean;
  /** How many signatures it claims to have made. */
  readonly counter?: number;
}

/** A device with one passkey that does as the test says. */
export class Device {
  readonly #id = randomBytes(16);
  readonly #publicKey: KeyObject;
  readonly #privateKey: KeyObject;
  #userHandle: string | undefined;
  #counter = 0;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  /** Answers options for a new passkey. */
  create({ challenge, user }: { challenge: string; user: { id: string } }, changes: Changes = {}): string {
    this.#userHandle = user.id;
    const length = Buffer.from([0, this.#id.length]);
    const key = Buffer.concat([Buffer.alloc(16), length, this.#id, this.#coseKey()]);
    const authData = Uint8Array.from(Buffer.concat([this.#data(FLAGS.hasKey, changes), key]));
    const attestation = new Map<string, string | Uint8Array | Map<string, string>>([
      ['fmt', 'none'],
      ['attStmt', new Map<string, string>()],
      ['authData', authData],
    ]);
    return this.#answer({
      clientDataJSON: clientData('webauthn.create', challenge, changes),
      attestationObject: base64url(isoCBOR.encode(attestation)),
    });
  }

  /** Answers options for a log-in. */
  use({ challenge }: { challenge: string }, changes: Changes & { userHandle?: string } = {}): string {
    const clientDataJSON = clientData('webauthn.get', challenge, changes);
    const data = this.#data(0, changes);
    const signature = createSign('sha256')
      .update(data)
      .update(hash(Buffer.from(clientDataJSON, 'base64url')))
      .sign(this.#privateKey);
    return this.#answer({
      clientDataJSON,
      authenticatorData: base64url(data),
      signature: base64url(signature),
      userHandle: changes.userHandle ?? this.#userHandle,
    });
  }

  #data(flags: number, { rpId = 'localhost', isVerified = true, counter }: Changes): Buffer {
    this.#counter = counter ?? this.#counter + 1;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(this.#counter);
    const flag = Buffer.from([flags | FLAGS.present | (isVerified ? FLAGS.verified : 0)]);
    return Buffer.concat([hash(rpId), flag, count]);
  }

  /** For ES256 (RFC 9053, 7.1.1). */
  #coseKey(): Uint8Array {
    const { x = '', y = '' } = this.#publicKey.export({ format: 'jwk' });
    const coordinate = (text: string) => Uint8Array.from(Buffer.from(text, 'base64url'));
    return isoCBOR.encode(
      new Map<number, number | Uint8Array>([
        ...([
          [1, 2],
          [3, -7],
          [-1, 1],
        ] as const),
        [-2, coordinate(x)],
        [-3, coordinate(y)],
      ]),
    );
  }

  #answer(response: object): string {
    const id = base64url(this.#id);
    return JSON.stringify({ id, rawId: id, type: 'public-key', clientExtensionResults: {}, response });
  }
}

/** Adds a passkey to the account of a client that has just logged in. */
export async function addDevice(client: Client, name = 'Phone') {
  const device = new Device();
  const credential = device.create((await client.post('/auth/passkeys/options')).json());
  return { device, page: await client.post('/auth/passkeys/add', { name, credential }) };
}

/** Adds a passkey that cannot log in. Returns its id. */
export async function insertPasskey({ db }: FastifyInstance, { id }: Pick<TestUser, 'id'>): Promise<number> {
  const row = { user_id: id, name: 'Phone', credential_id: randomBytes(16), public_key: Buffer.alloc(1) };
  const inserted = db
    .insertInto('passkeys')
    .values({ ...row, counter: 0 })
    .returning('id');
  return (await inserted.executeTakeFirstOrThrow()).id;
}

function clientData(type: string, challenge: string, { origin = 'http://localhost:3000' }: Changes): string {
  return base64url(Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false })));
}

const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');

const hash = (data: string | Buffer) => createHash('sha256').update(data).digest();
