import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Role } from '../../src/database/account-tables.ts';
import { prepareMail } from '../../src/domain/mail/prepare.ts';
import { mailTemplates } from '../../src/domain/mail/templates.ts';
import { unsubscribeToken } from '../../src/domain/people/mail-choices.ts';
import type { TypedSettings } from '../../src/domain/site/fields.ts';
import type { PayloadOf } from '../../src/queue/index.ts';
import type { mailQueue } from '../../src/queues.ts';
import { Client } from './client.ts';

export const PASSWORD = 'correct horse';

export interface TestUser {
  readonly id: number;
  readonly passwordHash: string;
  readonly email: string;
  readonly username: string;
}

/** Creates an account that is two days old, confirmed by default, with the password PASSWORD. */
export async function createUser(
  { db, passwords }: FastifyInstance,
  {
    username = 'john',
    email,
    isConfirmed = true,
    role = 'User',
    isNew = false,
  }: { username?: string; email?: string; isConfirmed?: boolean; role?: Role; isNew?: boolean } = {},
): Promise<TestUser> {
  const address = email ?? `${username}@example.com`;
  const passwordHash = await passwords.hash(PASSWORD);
  const { id } = await db
    .insertInto('users')
    .values({
      email: address,
      username,
      role,
      password_hash: passwordHash,
      confirmed_at: isConfirmed ? new Date() : null,
      created_at: new Date(Date.now() - (isNew ? 0 : 2 * 24 * 60 * 60 * 1000)),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { id, passwordHash, email: address, username };
}

/** Creates the token of a mailed link. */
export async function mailedToken(
  { db }: FastifyInstance,
  payload: PayloadOf<typeof mailQueue>,
): Promise<string> {
  const { token, recipient } = await prepareMail(db, randomUUID(), payload);
  const { list } = mailTemplates[payload.template];
  return list && recipient ? unsubscribeToken(list, recipient.unsubscribeKey) : token;
}

/** Creates the token of a confirmation or reset link. */
export async function mintToken(
  app: FastifyInstance,
  userId: number,
  template: 'confirm-account' | 'reset-password',
): Promise<string> {
  if (template === 'confirm-account') return mailedToken(app, { template, userId });
  const { id: passwordResetId } = await app.db
    .insertInto('password_resets')
    .columns(['email'])
    .expression(({ selectFrom }) => selectFrom('users').select('email').where('id', '=', userId))
    .returning('id')
    .executeTakeFirstOrThrow();
  return mailedToken(app, { template, passwordResetId });
}

/** A client that has logged in. */
export async function signedInClient(app: FastifyInstance, { email }: TestUser): Promise<Client> {
  const client = new Client(app);
  const response = await client.post('/auth/login', { email, password: PASSWORD });
  if (response.statusCode !== 303) throw new Error(`log-in answered ${response.statusCode}`);
  return client;
}

/** Valid fields of the registration form. */
export function registration(changes: Record<string, string> = {}): Record<string, string> {
  return { email: 'john@example.com', username: 'john', password: PASSWORD, password2: PASSWORD, ...changes };
}

/** Valid fields of the form with the site's settings: by default, what a new site has. */
export function siteSettings(changes: Partial<TypedSettings> = {}): TypedSettings {
  return {
    name: 'Pennypost',
    tagline: '',
    description: 'A social blog',
    colour: 'red',
    language: 'en',
    registration: 'open',
    delay: '0',
    links: '',
    api: 'members',
    crawlers: 'allow',
    email_subscriptions: 'on',
    ...changes,
  };
}

/** Counts the passwords that are verified. */
export function countVerifications({ passwords }: FastifyInstance): () => number {
  let count = 0;
  const { verify } = passwords;
  passwords.verify = (hash, password) => {
    count += 1;
    return verify(hash, password);
  };
  return () => count;
}
