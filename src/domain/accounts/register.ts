import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { DomainError } from '../../errors.ts';
import { mailQueue, type Queue } from '../../queues.ts';
import type { Db, Schema } from '../../schema.ts';
import { initialRole } from './roles.ts';

interface Dependencies {
  readonly db: Kysely<Schema>;
  readonly queue: Queue;
  readonly passwords: { hash(password: string): Promise<string> };
  /** Who registers with this address becomes Administrator. */
  readonly adminEmail: string | undefined;
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
export async function register(
  { db, queue, passwords, adminEmail }: Dependencies,
  registration: Registration,
) {
  const { email, username, password } = registration;
  const passwordHash = await passwords.hash(password);
  await db.transaction().execute(async (trx) => {
    const created = await trx
      .insertInto('users')
      .values({ email, username, password_hash: passwordHash, role: initialRole(email, adminEmail) })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (created !== undefined) {
      await queue.send(mailQueue, { template: 'confirm-account', userId: created.id }, { db: trx });
      return;
    }
    if (await isUsernameTaken(trx, username))
      throw new DomainError('username-taken', 'Username already in use.');
    const owner = await findByEmail(trx, email);
    await queue.send(mailQueue, { template: 'address-in-use', userId: owner.id }, { db: trx });
  });
}

async function isUsernameTaken(db: Db, username: string): Promise<boolean> {
  const holder = await db
    .selectFrom('users')
    .select('id')
    .where(sql`lower(username)`, '=', sql`lower(${username})`)
    .executeTakeFirst();
  return holder !== undefined;
}

function findByEmail(db: Db, email: string): Promise<{ id: number }> {
  return db
    .selectFrom('users')
    .select('id')
    .where(sql`lower(email)`, '=', sql`lower(${email})`)
    .executeTakeFirstOrThrow();
}
