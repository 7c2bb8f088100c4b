import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import type { Role } from '../../src/database/account-tables.ts';
import { issueNamedToken, issueToken } from '../../src/domain/api-tokens/issue.ts';
import { prepareMail } from '../../src/domain/mail/prepare.ts';
import { startSession } from '../../src/domain/sessions/start.ts';
import { hashToken } from '../../src/domain/token.ts';
import type { PayloadOf } from '../../src/queue/index.ts';
import type { mailQueue } from '../../src/queues.ts';

/** The seeded people who send requests. Several of each kind share the API's limit per account. */
const PEOPLE = ['newcomer', 'user', 'moderator', 'administrator'] as const;
const OF_EACH = 4;
const KINDS = ['session', 'token', 'reading token', 'password'] as const;

/** How a request can be authenticated, e.g. `moderator 2 session`. */
export const CREDENTIALS: readonly string[] = [
  'nobody',
  ...PEOPLE.flatMap((person) =>
    numbers().flatMap((number) => KINDS.map((kind) => `${person} ${number} ${kind}`)),
  ),
];

/** The links in mails that a request can contain, as placeholders for their tokens. */
export const MAILED = [
  'confirm-account',
  'reset-password',
  'change-email',
  'email-changed',
  'weekly-digest',
  'export-ready',
] as const;

/** The number of seeded people who send requests. */
export const SENDERS = PEOPLE.length * OF_EACH;

const ROLES: Record<(typeof PEOPLE)[number], Role> = {
  newcomer: 'User',
  user: 'User',
  moderator: 'Moderator',
  administrator: 'Administrator',
};

/** Values to put into requests just before they are sent, so that a request can be replayed on another site. */
export interface Secrets {
  /** The headers of each credential. */
  readonly headers: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The id of who has each credential. */
  readonly ids: ReadonlyMap<string, string>;
  /** The tokens of mailed links, by placeholder. */
  readonly tokens: ReadonlyMap<string, string>;
}

/** Gives everyone back the role, name and password that requests may have changed, and new sessions and tokens. */
export async function renewSecrets(app: FastifyInstance): Promise<Secrets> {
  const headers = new Map<string, Record<string, string>>([['nobody', {}]]);
  const ids = new Map<string, string>();
  for (const [index, person] of PEOPLE.entries()) {
    for (const number of numbers()) {
      const id = index * OF_EACH + number;
      const account = await restore(app, id, person);
      for (const [kind, header] of Object.entries(await credentialsOf(app, account))) {
        headers.set(`${person} ${number} ${kind}`, header);
        ids.set(`${person} ${number} ${kind}`, String(id));
      }
    }
  }
  return { headers, ids, tokens: await mailTokens(app) };
}

function numbers(): number[] {
  return Array.from({ length: OF_EACH }, (_, index) => index + 1);
}

async function restore({ db }: FastifyInstance, id: number, person: (typeof PEOPLE)[number]) {
  const username = `user${id}`;
  // Somebody else may have taken the name or the address in the meantime.
  await sql`
    update users set username = 'was' || id, email = 'was' || id || '@example.com'
    where id <> ${id} and (lower(username) = ${username} or lower(email) = ${`${username}@example.com`})
  `.execute(db);
  return db
    .updateTable('users')
    .set(({ selectFrom }) => ({
      username,
      email: `${username}@example.com`,
      role: ROLES[person],
      confirmed_at: person === 'newcomer' ? null : new Date(),
      // The last seeded person sends no requests.
      password_hash: selectFrom('users as other')
        .select('other.password_hash')
        .where('other.id', '=', SENDERS + 1),
    }))
    .where('id', '=', id)
    .returning(['id', 'email', 'password_hash as passwordHash'])
    .executeTakeFirstOrThrow();
}

async function credentialsOf(
  { db }: FastifyInstance,
  account: { id: number; email: string; passwordHash: string },
): Promise<Record<(typeof KINDS)[number], Record<string, string>>> {
  const { id: userId, email } = account;
  await db.deleteFrom('api_tokens').where('user_id', '=', userId).execute();
  const session = await startSession(db, { userId, isRemembered: true });
  const reading = await issueNamedToken(db, {
    userId,
    sessionHash: hashToken(session),
    name: 'Reader',
    scope: 'read',
    days: null,
  });
  return {
    session: { cookie: `session=${session}` },
    token: { authorization: `Bearer ${await issueToken(db, account)}` },
    'reading token': { authorization: `Bearer ${reading}` },
    password: { authorization: `Basic ${Buffer.from(`${email}:password`).toString('base64')}` },
  };
}

async function mailTokens(app: FastifyInstance): Promise<Secrets['tokens']> {
  const { db } = app;
  const id = async (insert: ReturnType<typeof sql<{ id: number }>>) =>
    (await insert.execute(db)).rows[0]?.id ?? 0;
  const userId = SENDERS + 2; // Confirmed; the newcomers are not.
  const passwordResetId = await id(
    sql`insert into password_resets (email) select email from users where id = ${userId} returning id`,
  );
  const change = (completed: Date | null) =>
    id(sql`
      insert into email_changes (user_id, new_email, old_email, completed_at)
      select id, 'new' || ${randomUUID()} || '@example.com', case when ${completed}::timestamptz is not null then email end, ${completed}
      from users where id = ${userId}
      returning id`);
  const payloads: Record<(typeof MAILED)[number], PayloadOf<typeof mailQueue>> = {
    'confirm-account': { template: 'confirm-account', userId: 1 },
    'reset-password': { template: 'reset-password', passwordResetId },
    'change-email': { template: 'change-email', emailChangeId: await change(null) },
    'email-changed': { template: 'email-changed', emailChangeId: await change(new Date()) },
    'weekly-digest': { template: 'weekly-digest', userId, week: '2026-01-05' },
    'export-ready': { template: 'export-ready', userId, exportId: await finishedExport(app, userId) },
  };
  const tokens = new Map<string, string>();
  for (const name of MAILED) tokens.set(name, (await prepareMail(db, randomUUID(), payloads[name])).token);
  return tokens;
}

async function finishedExport({ db }: FastifyInstance, userId: number): Promise<number> {
  const { id } = await db
    .insertInto('data_exports')
    .values({ user_id: userId, state: 'ready', ended_at: new Date() })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}
