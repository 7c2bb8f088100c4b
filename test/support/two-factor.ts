import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { TOTP } from 'otpauth';
import type { Client } from './client.ts';
import { PASSWORD, type TestUser } from './factories.ts';

/** What the app of everyone in tests has. */
export const TOTP_SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';

/** What an app shows now, or showed some milliseconds ago. */
export function codeOf(secret = TOTP_SECRET, { ago = 0 } = {}): string {
  return new TOTP({ secret }).generate({ timestamp: Date.now() - ago });
}

/** Turns on two-factor authentication, or forgets which codes were used. */
export async function giveTwoFactor({ db }: FastifyInstance, { id }: Pick<TestUser, 'id'>): Promise<void> {
  await db
    .updateTable('users')
    .set({ totp_secret: TOTP_SECRET, totp_since: new Date(), totp_last_step: 0 })
    .where('id', '=', id)
    .execute();
}

export async function takeTwoFactor({ db }: FastifyInstance, { id }: Pick<TestUser, 'id'>): Promise<void> {
  const off = { totp_secret: null, totp_since: null, totp_last_step: null };
  await db.updateTable('users').set(off).where('id', '=', id).execute();
  await db.deleteFrom('passkeys').where('user_id', '=', id).execute();
}

/** Does the first step of a log-in. */
export function givePassword(
  client: Client,
  { email }: Pick<TestUser, 'email'>,
): Promise<LightMyRequestResponse> {
  return client.post('/auth/login', { email, password: PASSWORD });
}
