import type { FastifyInstance } from 'fastify';
import { Kysely, PostgresDialect } from 'kysely';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import type { Schema } from '../../src/database/schema.ts';
import { identifyByToken } from '../../src/domain/api-tokens/identify.ts';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import { listPostSources } from '../../src/domain/posts/list.ts';
import { Helper } from './helper.ts';
import { loadInTurn } from './load.ts';
import { SCALES, seedOnce } from './site.ts';
import type { Bench, Row } from './table.ts';

/** Compares the API's list of posts with a bare route that runs the same statements and serialises the rows. */
export async function benchApi({ databaseUrl }: Bench): Promise<Row[]> {
  const env = { DATABASE_URL: await databaseUrl('api'), SMTP_URL: 'smtp://127.0.0.1:1', LOG_LEVEL: 'error' };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  try {
    await seedOnce(app.db, SCALES.small);
    const { id, password_hash: passwordHash } = await app.db
      .selectFrom('users')
      .select(['id', 'password_hash'])
      .where('id', '=', 1)
      .executeTakeFirstOrThrow();
    const token = await issueToken(app.db, { id, passwordHash });
    await identifyByToken(app.db, token); // Its first use is recorded, which the bare route should not repeat.
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
        what: 'GET /api/v1/posts/',
        value: ours.rate,
        unit: 'requests/s',
        p50: ours.p50,
        p99: ours.p99,
        queries: statements.length,
        reference: { what: 'a bare Fastify route with the same SQL', value: reference.rate },
      },
      { what: 'web memory after that', value: rss / 2 ** 20, unit: 'MB' },
    ];
  } finally {
    await app.close();
  }
}

/** Records the statements of one request. */
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
