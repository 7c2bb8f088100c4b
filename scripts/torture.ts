import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { ConfigError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { openScope } from '../test/support/scope.ts';

/**
 * `npm run torture`: sends mail while workers are killed, the database restarts and the mail server refuses every third mail,
 * and checks that all of it arrives. Takes about two minutes. `--mails N` sends N mails instead of 5,000, `--seconds N`
 * enqueues them in N seconds instead of a minute, and `--kills N` kills at most N workers.
 */
await runMain(async () => {
  const amounts = readAmounts();
  const { openTemporaryCluster } = await import('./support/temporary-cluster.ts');
  const { migrateToLatest } = await import('./support/migrate.ts');
  const { torture } = await import('./torture/run.ts');
  await using scope = openScope();
  const cluster = await openTemporaryCluster(scope, tmpdir());
  await migrateToLatest(cluster.url('postgres'), () => {});
  const faults = await torture(scope, cluster, amounts, console.log);
  for (const fault of faults) console.error(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
});

function readAmounts() {
  const { values } = parseArgs({
    options: {
      mails: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '60' },
      kills: { type: 'string', default: '1000' },
    },
  });
  const problems: string[] = [];
  const read = (name: 'mails' | 'seconds' | 'kills', min: number): number => {
    const number = Number(values[name]);
    if (Number.isInteger(number) && number >= min) return number;
    problems.push(`--${name}: "${values[name]}" is not accepted; give a whole number from ${min}`);
    return min;
  };
  const amounts = { mails: read('mails', 50), seconds: read('seconds', 3), kills: read('kills', 1) };
  if (problems.length > 0) throw new ConfigError(problems);
  return amounts;
}
