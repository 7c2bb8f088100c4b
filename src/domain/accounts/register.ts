import type { Transaction } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { mailQueue } from '../../queues.ts';
import { takeSeat } from '../joining/invite.ts';
import type { PasswordDependencies } from './change-password.ts';
import type { Credentials } from './find.ts';

export interface Registration {
  readonly email: string;
  readonly username: string;
  readonly password: string;
  /** Why they want to join, if they were asked. */
  readonly reason?: string;
  /** The token of an invitation, if they have one. */
  readonly invitation?: string | undefined;
}

/**
 * Creates an account and enqueues its confirmation mail in the same transaction. If the address is taken, the job notifies
 * its owner instead, so the response does not reveal it. The site's current settings decide who may register, whatever they
 * were when the form was opened. An invitation replaces a moderator's approval.
 *
 * @throws DomainError `username-taken`; `forbidden` if the site is closed or an invitation is missing; `reason-missing` if the
 *   site asks for one; `not-found` if the invitation is not valid
 */
export async function register(
  { db, queue, passwords }: PasswordDependencies,
  { email, username, password, reason = '', invitation }: Registration,
): Promise<Credentials> {
  const passwordHash = await passwords.hash(password);
  const id = await db.transaction().execute(async (trx) => {
    const needsApproval = await checkAdmission(trx, { reason, invitation });
    const created = await trx
      .insertInto('users')
      .values({ email, username, password_hash: passwordHash, role: 'User' })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (created === undefined) throw new DomainError('username-taken', 'Username already in use.');
    const userId = created.id;
    if (invitation !== undefined) await takeSeat(trx, invitation, userId);
    else if (needsApproval)
      await trx.insertInto('applications').values({ user_id: userId, reason }).execute();
    await queue.send(mailQueue, { template: 'confirm-account', userId }, { db: trx });
    return userId;
  });
  return { id, passwordHash };
}

/** Refuses those who may not register. Returns whether a moderator must approve. */
async function checkAdmission(
  trx: Transaction<Schema>,
  { reason, invitation }: { reason: string; invitation: string | undefined },
): Promise<boolean> {
  const { registration } = await trx
    .selectFrom('site_settings')
    .select('registration')
    .executeTakeFirstOrThrow();
  if (registration === 'closed') throw new DomainError('forbidden', 'Registration is closed.');
  if (invitation !== undefined) return false;
  if (registration === 'invitation')
    throw new DomainError('forbidden', 'You need an invitation to register.');
  if (registration === 'approval' && reason === '')
    throw new DomainError('reason-missing', 'Please say why you want to join.');
  return registration === 'approval';
}
