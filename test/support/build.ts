import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { TestClock } from 'pg-boss';
import type { Test } from 'tap';
import { buildApp, type Overrides } from '../../src/app.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { Threads } from '../../src/queue/index.ts';
import { createDatabase } from './database.ts';
import { catchMail, type SmtpCatcher } from './smtp.ts';

/** Nothing listens on port 1, so a test that sends mail without its own server fails. */
const NO_MAIL_SERVER = 'smtp://127.0.0.1:1';

/** The cache is off, so that pages show every change at once. Tests of the cache turn it on. */
const NO_PAGE_CACHE = { maxAgeMs: 0, maxStaleMs: 0, maxBytes: 1 };

/** On a slow, busy machine everything takes longer. Tests of the deadlines set their own. */
const PATIENT = Object.fromEntries(
  Object.entries(loadConfig({}).deadlines).map(([name, ms]) => [name, 10 * ms]),
) as Record<keyof Config['deadlines'], number>;

/** Starting a thread costs more than building an application, so all applications of a process share them. */
const renderingThreads = new Threads(2, (error) => {
  throw error;
});

/** Cheap hashing for tests. */
const CHEAP_HASHING = { memoryKiB: 8, passes: 1 };

/** Production hashing, for tests of its cost. */
export const COSTLY_HASHING = { config: { passwordHashing: loadConfig({}).passwordHashing } };

/** The configuration for an environment, with quiet logs and no mail server by default. */
export function testConfig(env: Record<string, string | undefined>): Config {
  return {
    ...loadConfig({ LOG_LEVEL: 'silent', SMTP_URL: NO_MAIL_SERVER, ...env, ...pooled(env) }),
    pageCache: NO_PAGE_CACHE,
    maxEventLoopDelayMs: 0, // On a busy machine, tests would be refused.
    deadlines: PATIENT,
    passwordHashing: CHEAP_HASHING,
  };
}

/** Leads the tests' databases through PgBouncer, if `npm run ha` has started one. */
function pooled({ DATABASE_URL }: Record<string, string | undefined>) {
  const { TEST_PGBOUNCER_PORT, TEST_POSTGRES_URL = '' } = process.env;
  if (TEST_PGBOUNCER_PORT === undefined || DATABASE_URL === undefined) return {};
  const [url, direct] = [new URL(DATABASE_URL), new URL(DATABASE_URL)];
  direct.port = new URL(TEST_POSTGRES_URL).port;
  if (url.port !== direct.port && url.port !== TEST_PGBOUNCER_PORT) return {}; // Another server, or a test's proxy.
  url.port = TEST_PGBOUNCER_PORT;
  return { DATABASE_URL: url.href, DATABASE_DIRECT_URL: direct.href };
}

/** Builds and readies the application with its own database. It closes with the test. */
export async function build(
  t: Test,
  env: Record<string, string | undefined> = {},
  overrides: Overrides & { config?: Partial<Config> } = {},
): Promise<FastifyInstance> {
  const config = testConfig({ DATABASE_URL: env.DATABASE_URL ?? (await createDatabase(t)), ...env });
  const app = buildApp({ ...config, ...overrides.config }, { renderingThreads, ...overrides });
  app.register = new Proxy(app.register, { apply: registerWithName });
  t.teardown(() => app.close());
  await app.ready();
  return app;
}

/**
 * Builds an application for all tests of a file. Returns a function that empties its site for the next test, in a tenth of
 * the time that building one takes. Only for tests that change nothing but the database, and not the site's settings, and use
 * up no limit: the app remembers who has.
 */
export async function buildShared(
  t: Test,
  env: Record<string, string> = {},
  overrides: Overrides = {},
): Promise<() => Promise<FastifyInstance>> {
  const app = await build(t, env, overrides);
  return async () => {
    await emptySite(app);
    return app;
  };
}

/** The same with a mail server, whose mails are forgotten too. */
export async function buildSharedWithMail(
  t: Test,
  env: Record<string, string> = {},
  overrides: Overrides = {},
): Promise<() => Promise<{ app: FastifyInstance; smtp: SmtpCatcher }>> {
  const smtp = await catchMail(t);
  const emptied = await buildShared(t, { SMTP_URL: smtp.url, ...env }, overrides);
  return async () => {
    const app = await emptied();
    smtp.mails.length = 0;
    return { app, smtp };
  };
}

/** The same with a clock for the queue, which is right again before each test. */
export async function buildSharedWithClock(t: Test) {
  const clock = new TestClock();
  const emptied = await buildSharedWithMail(t, {}, { clock });
  return async () => {
    await clock.setTime(Date.now());
    return { ...(await emptied()), clock };
  };
}

/** Deletes everything but the settings and schedules, and lets ids start at 1 again. */
async function emptySite({ db }: FastifyInstance): Promise<void> {
  await sql`
    do $$ declare name text;
    begin
      perform set_config('session_replication_role', 'replica', true); -- No triggers.
      for name in select tablename from pg_tables where schemaname = 'public'
        and tablename not like 'kysely%' and tablename not in ('site_settings', 'job_schedules')
      loop execute format('delete from %I', name); end loop;
      for name in select sequencename from pg_sequences where schemaname = 'public'
      loop perform setval(name::regclass, 1, false); end loop;
      delete from pgboss.job;
      update job_schedules set paused_at = null, last_job_id = null;
    end $$
  `.execute(db);
}

const DISPLAY_NAME = Symbol.for('fastify.display-name');

/** Fastify searches all loaded modules for a plugin without a display name, which would be a tenth of the time to build. */
function registerWithName(register: FastifyInstance['register'], app: FastifyInstance, args: unknown[]) {
  const [plugin] = args;
  if (typeof plugin === 'function' && !(DISPLAY_NAME in plugin)) {
    Object.defineProperty(plugin, DISPLAY_NAME, { value: plugin.name || 'anonymous' });
  }
  return Reflect.apply(register, app, args);
}
