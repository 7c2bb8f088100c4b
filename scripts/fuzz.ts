import { parseArgs } from 'node:util';
import { ConfigError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';

/**
 * `npm run fuzz`: sends random requests to every route of a real web process, as everyone from a visitor to an Administrator,
 * and bytes that are not HTTP. No answer may be a server error, late, malformed or reveal internals; the process must not end,
 * log an error or grow. `--requests N` sends N requests instead of 50,000, and another `--seed N` sends other ones. `--deadline
 * SECONDS` allows a slow machine more than five. `--replay SEED:PATH` or `--replay FILE` sends a finding's requests again.
 * `--database URL` uses a migrated database, empty or from an earlier run, instead of its own PostgreSQL.
 */
await runMain(async () => {
  const options = readOptions();
  const { runFuzz } = await import('./fuzz/command.ts');
  await runFuzz(options);
});

function readOptions() {
  const { values } = parseArgs({
    options: {
      requests: { type: 'string', default: '50000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      deadline: { type: 'string', default: '5' },
      replay: { type: 'string' },
      database: { type: 'string' },
    },
  });
  const problems = (['requests', 'seed', 'deadline'] as const)
    .filter((name) => !/^\d{1,10}$/.test(values[name]))
    .map((name) => `--${name}: "${values[name]}" is not accepted; give a whole number`);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    ...values,
    requests: Number(values.requests),
    seed: Number(values.seed),
    deadline: Number(values.deadline),
  };
}
