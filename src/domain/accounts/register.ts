import { DomainError } from '../../errors.ts';
import { mailQueue } from '../../queue/contracts.ts';
import type { PasswordDependencies } from './change-password.ts';
import type { Credentials } from './find.ts';

export interface Registration {
  readonly email: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Creates an account and enqueues its confirmation mail in the same transaction. If the address is taken, the job notifies
 * its owner instead, so the response does not reveal it.
 *
 * @throws DomainError `username-taken`
 */
export async function register(
  { db, queue, passwords }: PasswordDependencies,
  { email, username, password }: Registration,
): Promise<Credentials> {
  const passwordHash = await passwords.hash(password);
  const id = await db.transaction().execute(async (trx) => {
    const created = await trx
      .insertInto('users')
      .values({ email, username, password_hash: passwordHash, role: 'User' })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (created === undefined) throw new DomainError('username-taken', 'Username already in use.');
    await queue.send(mailQueue, { template: 'confirm-account', userId: created.id }, { db: trx });
    return created.id;
  });
  return { id, passwordHash };
}
