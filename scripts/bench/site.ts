import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { pathOfPost } from '../../src/domain/posts/path.ts';
import { startSession } from '../../src/domain/sessions/start.ts';
import { type Amounts, seed } from '../support/seed.ts';
import { Helper } from './helper.ts';
import type { Target } from './load.ts';

/** The sizes of a small and a large site. */
export const SCALES: Record<'small' | 'large', Amounts> = {
  small: { users: 1_000, posts: 20_000, comments: 50_000, follows: 20_000, seed: 1 },
  large: { users: 100_000, posts: 1_000_000, comments: 5_000_000, follows: 5_000_000, seed: 1 },
};

/** Two signed-in readers, by the number of people they follow. */
const FOLLOWS = { few: 50, many: 5_000 };

/** A seeded database, the application on it, and its web process. */
export interface Site {
  readonly app: FastifyInstance;
  readonly web: Helper;
  readonly env: Readonly<Record<string, string>>;
  /** Pages of the same size on any site: the home page, a post with five comments, a profile with 15 posts. */
  readonly samples: readonly (readonly [what: string, path: string])[];
  /** A request to the web process, by a visitor or one of the readers. */
  target(path: string, reader?: Reader): Target;
  /** A reader's Followed tab. */
  followed(reader: Reader): Target;
  /** Queries per request. */
  queries(target: Target): Promise<number>;
  close(): Promise<void>;
}

export type Reader = keyof typeof FOLLOWS;

export async function openSite(databaseUrl: string, amounts: Amounts): Promise<Site> {
  const env = {
    DATABASE_URL: databaseUrl,
    SMTP_URL: 'smtp://127.0.0.1:1',
    LOG_LEVEL: 'error',
    RATE_LIMITS: 'off',
  };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  await seedOnce(app.db, amounts);
  const cookies = { few: await signIn(app, 1, FOLLOWS.few), many: await signIn(app, 2, FOLLOWS.many) };
  const web = await Helper.start('web', env);
  const url = await web.ask('url');
  return {
    app,
    web,
    env,
    samples: await findSamples(app),
    target: (path, reader) => ({
      url: `${url}${path}`,
      ...(reader && { headers: { cookie: cookies[reader] } }),
    }),
    followed: (reader) => ({ url: `${url}/`, headers: { cookie: `${cookies[reader]}; show_followed=1` } }),
    async queries(target) {
      await fetch(target.url, { ...target });
      const before = Number(await web.ask('queries'));
      for (let request = 0; request < 10; request += 1) await fetch(target.url, { ...target });
      return (Number(await web.ask('queries')) - before) / 10;
    },
    async close() {
      await web.stop();
      await app.close();
    },
  };
}

async function findSamples({ db }: FastifyInstance): Promise<Site['samples']> {
  const { rows } = await sql<{ id: number; title: string | null; profile: string }>`
    select id, title, (select min(username) from users where post_count = 15) as profile
    from posts where comment_count = 5 order by id limit 1
  `.execute(db);
  const [{ profile, ...post } = { id: 1, title: null, profile: 'user1' }] = rows;
  return [
    ['home', '/'],
    ['post', pathOfPost(post)],
    ['profile', `/user/${profile}`],
  ];
}

/** Seeds a database unless an earlier run already has. */
export async function seedOnce(db: FastifyInstance['db'], amounts: Amounts): Promise<void> {
  if ((await db.selectFrom('users').select('id').limit(1).executeTakeFirst()) === undefined)
    await seed(db, amounts);
}

/** Makes a user follow this many others and signs them in. Returns the cookie. */
async function signIn({ db }: FastifyInstance, userId: number, follows: number): Promise<string> {
  await db.deleteFrom('follows').where('follower_id', '=', userId).execute();
  await sql`
    insert into follows (follower_id, followed_id)
    select ${userId}, id from users where id <> ${userId} order by id limit ${follows}
  `.execute(db);
  return `session=${await startSession(db, { userId, isRemembered: false })}`;
}
