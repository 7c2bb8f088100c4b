import type { FastifyInstance } from 'fastify';
import type { Test } from 'tap';
import { buildApp, type Overrides } from '../../src/app.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { createDatabase } from './database.ts';

/** A server that refuses: a test that sends mail without saying where to fails. Port 1 is nobody's. */
const NO_MAIL_SERVER = 'smtp://127.0.0.1:1';

/** A page shows what was written a moment ago, by whatever way; tests of the cache ask for it. */
const NO_PAGE_CACHE = { maxAgeMs: 0, maxBytes: 1 };

/** Passwords that protect nothing cost next to nothing. */
const CHEAP_HASHING = { memoryKiB: 8, passes: 1 };

/** For tests of what hashing costs: passwords are hashed as in production. */
export const COSTLY_HASHING = { config: { passwordHashing: loadConfig({}).passwordHashing } };

/** The configuration of an environment, with quiet logs and no mail server unless the test says otherwise. */
export function testConfig(env: Record<string, string | undefined>): Config {
  return {
    ...loadConfig({ LOG_LEVEL: 'silent', SMTP_URL: NO_MAIL_SERVER, ...env }),
    pageCache: NO_PAGE_CACHE,
    passwordHashing: CHEAP_HASHING,
  };
}

/** Builds and readies the application on a database of its own; it closes with the test. */
export async function build(
  t: Test,
  env: Record<string, string | undefined> = {},
  overrides: Overrides & { config?: Partial<Config> } = {},
): Promise<FastifyInstance> {
  const config = testConfig({ DATABASE_URL: env.DATABASE_URL ?? (await createDatabase(t)), ...env });
  const app = buildApp({ ...config, ...overrides.config }, overrides);
  t.teardown(() => app.close());
  await app.ready();
  return app;
}
