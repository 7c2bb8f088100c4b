import { parseArgs } from 'node:util';
import { ConfigError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';

/**
 * `npm run soak`: puts a realistic load on a web process and a worker for half an hour, and checks that memory, open files,
 * connections, tables, queues and response times do not grow after a warm-up. `--minutes N` sets another time, `--database URL`
 * uses an empty, migrated database instead of its own PostgreSQL.
 */
await runMain(async () => {
  const options = readOptions();
  const { runSoak } = await import('./soak/command.ts');
  await runSoak(options);
});

function readOptions() {
  const { values } = parseArgs({
    options: { minutes: { type: 'string', default: '30' }, database: { type: 'string' } },
  });
  const minutes = Number(values.minutes);
  if (minutes > 0 && minutes <= 24 * 60) return { ...values, minutes };
  throw new ConfigError([
    `--minutes: "${values.minutes}" is not accepted; give a number above 0, at most 1440`,
  ]);
}
