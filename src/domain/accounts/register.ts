import { type Kysely, sql } from 'kysely';
import { DomainError } from '../../errors.ts';
import { mailQueue, type Queue } from '../../queues.ts';
import type { Schema } from '../../schema.ts';
import { follow } from '../follows/follow.ts';
import { findByEmail } from './find.ts';

interface Dependencies {
  readonly db: Kysely<Schema>;
  readonly queue: Queue;
  readonly passwords: { hash(password: string): Promise<string> };
}

export interface Registration {
  readonly email: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Creates an account and, in the same transaction, the job that mails its confirmation link. When the email has an
 * account already, its owner is mailed instead, so that whoever registers learns nothing.
 *
 * @throws DomainError `username-taken`
 */
export async function register({ db, queue, passwords }: Dependencies, registration: Registration) {
  const { email, username, password } = registration;
  const passwordHash = await passwords.hash(password);
  await db.transaction().execute(async (trx) => {
    const created = await trx
      .insertInto('users')
      .values({ email, username, password_hash: passwordHash, role: 'User' })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (created !== undefined) {
      await follow(trx, created.id, created.id);
      await queue.send(mailQueue, { template: 'confirm-account', userId: created.id }, { db: trx });
      return;
    }
    const named = await trx
      .selectFrom('users')
      .select('id')
      .where(sql`lower(username)`, '=', username.toLowerCase())
      .executeTakeFirst();
    if (named !== undefined) throw new DomainError('username-taken', 'Username already in use.');
    const owner = await findByEmail(trx, email);
    if (owner === undefined)
      throw new Error('An account stood in the way and is gone: nothing was registered.');
    await queue.send(mailQueue, { template: 'address-in-use', userId: owner.id }, { db: trx });
  });
}
