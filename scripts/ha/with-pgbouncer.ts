import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { StartupError } from '../../src/errors.ts';
import { runMain } from '../../src/run-main.ts';
import { openScope } from '../../test/support/scope.ts';
import { temporaryFolder } from './folder.ts';
import { startPgBouncer } from './pgbouncer.ts';

/** Runs a command, such as the tests, with PgBouncer in front of the PostgreSQL at `TEST_POSTGRES_URL`. */
await runMain(async () => {
  const [command, ...args] = process.argv.slice(2);
  const { TEST_POSTGRES_URL } = process.env;
  if (command === undefined || TEST_POSTGRES_URL === undefined)
    throw new StartupError(
      2,
      'Usage: node scripts/with-postgres.ts node scripts/ha/with-pgbouncer.ts COMMAND…',
    );
  await using scope = openScope();
  const port = await startPgBouncer(scope, TEST_POSTGRES_URL, await temporaryFolder(scope));
  const env = { ...process.env, TEST_PGBOUNCER_PORT: String(port) };
  const child = spawn(command, args, { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
});
