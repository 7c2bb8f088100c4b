import type { Kysely } from 'kysely';
import type { Db, Schema } from '../../src/database/schema.ts';
import { confirmManually } from '../../src/domain/accounts/confirm.ts';
import { findByEmail } from '../../src/domain/accounts/find.ts';
import { ROLES } from '../../src/domain/accounts/roles.ts';
import { recordEvent } from '../../src/domain/security-events/record.ts';
import { findTwoFactor } from '../../src/domain/two-factor/find.ts';
import { resetTwoFactor } from '../../src/domain/two-factor/turn-off.ts';
import { StartupError } from '../../src/errors.ts';
import type { Queue } from '../../src/queue/index.ts';
import type { Ask } from './ask.ts';

/** Sets an account's role. Ignores the case of its name. */
export async function grantRole(db: Kysely<Schema>, email: string, roleName: string): Promise<string> {
  const role = ROLES.find((known) => known.toLowerCase() === roleName.toLowerCase());
  if (role === undefined)
    throw new StartupError(2, `There is no role "${roleName}"; choose from ${ROLES.join(', ')}`);
  const { id } = await findByAddress(db, email);
  await db.transaction().execute(async (trx) => {
    await trx.updateTable('users').set({ role }).where('id', '=', id).execute();
    await recordEvent(trx, { kind: 'role-changed', userId: id, detail: { role } });
  });
  return `${email} is now ${role}.`;
}

/** Confirms an account that mail cannot reach. */
export async function confirmEmail(db: Kysely<Schema>, email: string): Promise<string> {
  const { id } = await findByAddress(db, email);
  await confirmManually(db, id);
  return `${email} is confirmed.`;
}

/** Turns off two-factor authentication and removes passkeys, for someone who has lost their phone and recovery codes. */
export async function resetTwoFactorManually(
  { db, queue, ask }: { db: Kysely<Schema>; queue: Queue; ask: Ask },
  email: string,
): Promise<string> {
  const { id } = await findByAddress(db, email);
  const { isOn } = await findTwoFactor(db, id);
  if (!isOn) return `${email} has no two-factor authentication. Nothing was changed.`;
  await ask(`Turn off two-factor authentication for ${email}? Make sure that its owner is asking.`);
  await resetTwoFactor({ db, queue }, id);
  return `Two-factor authentication is off for ${email}: their password is enough to log in. We are emailing them.`;
}

/** @throws StartupError if no account has the address */
export async function findByAddress(db: Db, email: string): Promise<{ id: number }> {
  const account = await findByEmail(db, email);
  if (account === undefined) throw new StartupError(2, `There is no account with the email ${email}`);
  return account;
}
