import type { FastifyInstance } from 'fastify';
import { Kysely, PostgresDialect } from 'kysely';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { identifyByToken } from '../../src/domain/api-tokens/identify.ts';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import { listPostSources } from '../../src/domain/posts/list.ts';
import type { Schema } from '../../src/schema.ts';
import { seed } from '../support/seed.ts';
import { Helper } from './helper.ts';
import { loadInTurn } from './load.ts';
import type { Row } from './table.ts';

const AMOUNTS = { users: 1_000, posts: 20_000, comments: 50_000, follows: 20_000, seed: 1 };

/** The API's list of posts against a bare route that runs the same statements and stringifies the rows. */
export async function benchApi(databaseUrl: string): Promise<Row[]> {
  const env = { DATABASE_URL: databaseUrl, SMTP_URL: 'smtp://127.0.0.1:1', LOG_LEVEL: 'error' };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  try {
    await seed(app.db, AMOUNTS);
    const token = await issueToken(app.db, 1);
    await identifyByToken(app.db, token); // Its first use is written down, which the bare route should not repeat.
    const statements = await recordStatements(app, token);
    const web = await Helper.start('web', env);
    const bare = await Helper.start('bare-api', { ...env, STATEMENTS: JSON.stringify(statements) });
    const [ours, reference] = await loadInTurn([
      { url: `${await web.ask('url')}/api/v1/posts/`, headers: { authorization: `Bearer ${token}` } },
      { url: String(await bare.ask('url')) },
    ]);
    const rss = Number(await web.ask('rss'));
    await web.stop();
    await bare.stop();
    if (ours === undefined || reference === undefined) throw new Error('nothing was measured');
    return [
      {
        what: `GET /api/v1/posts/, ${statements.length} queries`,
        value: ours.rate,
        unit: 'requests/s',
        reference: { what: 'a bare Fastify route with the same SQL', value: reference.rate },
      },
      {
        what: 'p50',
        value: ours.p50,
        unit: 'ms',
        reference: { what: 'the bare route', value: reference.p50 },
      },
      {
        what: 'p99',
        value: ours.p99,
        unit: 'ms',
        reference: { what: 'the bare route', value: reference.p99 },
      },
      { what: 'web memory after that', value: rss / 2 ** 20, unit: 'MB' },
    ];
  } finally {
    await app.close();
  }
}

/** The statements that one request costs, as they are sent. */
async function recordStatements({ pool, config }: FastifyInstance, token: string) {
  const statements: { sql: string; parameters: readonly unknown[] }[] = [];
  const db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query: { sql, parameters } }) => {
      statements.push({ sql, parameters });
    },
  });
  await identifyByToken(db, token);
  await listPostSources(db, {}, { number: 1, size: config.postsPerPage });
  return statements;
}
