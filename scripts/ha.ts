import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { openScope } from '../test/support/scope.ts';
import { machine } from './bench/machine.ts';
import { printTable } from './faults/table.ts';
import { failover, type Outcome, type Route } from './ha/failover.ts';
import { requirePackages } from './ha/service.ts';

const USAGE = `Usage: npm run ha -- COMMAND
  failover         kills the primary of three nodes under load, and prints what people noticed and what was lost
  tests [FILE…]    runs tests through PgBouncer, by default those in a browser, with two web and two worker processes
                   behind HAProxy`;

/** What is promised after a failover. */
const READS_MS = 3_000;
const WRITES_AFTER_PROMOTION_MS = 5_000;

/**
 * `npm run ha`: runs the site as on several machines, with Debian's packages. `failover` kills the primary of three PostgreSQL
 * nodes under load, and checks that nothing is lost. `tests` runs the browser tests, or the named ones, with two web and two
 * worker processes behind HAProxy and PgBouncer.
 */
await runMain(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (name === 'failover' && args.length === 0) return tryFailover();
  if (name === 'tests') return runTests(args);
  throw new StartupError(2, USAGE);
});

async function tryFailover(): Promise<void> {
  await requirePackages('etcd-server', 'patroni', 'postgresql-15', 'haproxy', 'pgbouncer');
  const outcomes: [Route, Outcome][] = [];
  for (const route of ['hosts', 'proxies'] as const) {
    await using scope = openScope();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, async () => {
        await scope[Symbol.asyncDispose]();
        process.exit(1);
      });
    }
    outcomes.push([route, await failover(scope, route, (line) => console.log(`${route}: ${line}`))]);
  }
  console.log(`\n${machine()}`);
  print(outcomes);
  const broken = outcomes.flatMap(([route, outcome]) => brokenBy(outcome).map((line) => `${route}: ${line}`));
  for (const line of broken) console.error(`BROKEN: ${line}`);
  if (broken.length > 0) process.exitCode = 1;
}

function print(outcomes: readonly [Route, Outcome][]): void {
  const rows: [string, (outcome: Outcome) => string | number][] = [
    ['requests per second', ({ perSecond }) => perSecond.toFixed(0)],
    ['another node was the primary after', ({ promotedMs }) => seconds(promotedMs)],
    ['the last visitor’s page failed after', ({ backMs }) => seconds(backMs.visitor)],
    ['the last page of a person failed after', ({ backMs }) => seconds(backMs['signed in'])],
    ['the last change failed after', ({ backMs }) => seconds(Math.max(backMs.post, backMs['sign-up']))],
    ['failed: visitors’ pages', ({ failed }) => failed.visitor],
    ['failed: pages of people', ({ failed }) => failed['signed in']],
    ['failed: changes', ({ failed }) => failed.post + failed['sign-up']],
    ['of those, without a 503 and `Retry-After`', ({ cutOff }) => cutOff],
    ['acknowledged changes, lost', ({ acknowledged, lost }) => `${acknowledged}, ${lost}`],
    ['mails, jobs lost', ({ mails, jobsLost }) => `${mails}, ${jobsLost}`],
    ['mails that arrived twice', ({ twice }) => twice],
    ['mailed links that are dead', ({ deadLinks }) => deadLinks],
    ['processes that ended', ({ restarted }) => restarted],
  ];
  printTable(
    ['', 'several hosts in `DATABASE_URL`', 'PgBouncer and HAProxy'],
    rows.map(([name, show]) => [name, ...outcomes.map(([, outcome]) => String(show(outcome)))]),
  );
}

function brokenBy({ promotedMs, backMs, lost, jobsLost, deadLinks, restarted }: Outcome): string[] {
  const writesMs = Math.max(backMs.post, backMs['sign-up']) - promotedMs;
  return [
    ...(backMs.visitor > READS_MS ? [`visitors read again after ${seconds(backMs.visitor)}`] : []),
    ...(writesMs > WRITES_AFTER_PROMOTION_MS
      ? [`writes were back ${seconds(writesMs)} after the promotion`]
      : []),
    ...(lost > 0 ? [`${lost} acknowledged changes were lost`] : []),
    ...(jobsLost > 0 ? [`${jobsLost} jobs were lost`] : []),
    ...(deadLinks > 0 ? [`${deadLinks} mailed links are dead`] : []),
    ...(restarted > 0 ? [`${restarted} processes ended`] : []),
  ];
}

async function runTests(files: readonly string[]): Promise<void> {
  await requirePackages('pgbouncer', 'haproxy');
  const chosen = files.length > 0 ? files : await Array.fromAsync(glob('test/system/browser/*.test.ts'));
  const wrappers = ['scripts/with-postgres.ts', 'scripts/ha/with-pgbouncer.ts'].flatMap((file) => [
    file,
    'node',
  ]);
  // One file at a time, because processes whose machine is too busy refuse requests.
  const args = [...wrappers, 'scripts/run-tests.ts', '--serial', ...chosen];
  const child = spawn('node', args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
