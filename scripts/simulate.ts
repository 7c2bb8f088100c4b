import { parseArgs } from 'node:util';
import { ConfigError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { machine } from './bench/machine.ts';
import { COSTS } from './simulate/costs.ts';
import { type Plan, plan, simulate } from './simulate/plan.ts';

const SIZES = [1_000, 1_000_000, 100_000_000];

/**
 * `npm run simulate`: prints what sites with a thousand, a million and a hundred million members need, or with other numbers,
 * and how long their pages take. `--activity 10` makes everyone ten times as active. `--check` compares a prediction with a
 * measured load on this machine, and exits with 1 if they differ too much.
 */
await runMain(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { activity: { type: 'string', default: '1' }, check: { type: 'boolean', default: false } },
  });
  const sizes = positionals.length > 0 ? positionals.map(Number) : SIZES;
  const activity = Number(values.activity);
  const problems = [
    ...sizes.filter((size) => !(size >= 1)).map((size) => `${size}: give a number of members`),
    ...(activity > 0 ? [] : [`--activity: "${values.activity}" is not accepted; give a number above 0`]),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  if (values.check) await compare();
  else printColumns(sizes.map((size) => describe(plan(size, COSTS, activity))));
});

function describe(it: Plan): Record<string, string> {
  const { machines, rates } = it;
  const all = simulate(it, COSTS);
  const without = { ...machines, webProcesses: machines.webProcesses - 1 };
  const oneLess = simulate({ ...it, machines: without }, COSTS);
  return {
    members: it.members.toLocaleString('en'),
    'sites, each with the following': number(it.shards),
    'pages for visitors, /s': number(rates.visitor),
    'pages for members, /s': number(rates.member),
    'changes, /s': number(rates.write),
    'mails, /s': number(rates.mail),
    'web processes': number(machines.webProcesses),
    workers: number(machines.workers),
    "the primary's cores": number(machines.primaryCores),
    "replicas' cores": number(machines.replicaCores),
    'database connections': number(it.connections),
    'storage after a year, GB': number(it.storage.firstYear / 1e9),
    'and each further year, GB': number(it.storage.eachYear / 1e9),
    'hours to mail the digest': number(it.digestHours),
    'from the cache, % of visits': number(all.hitRate * 100),
    'a page, p50 ms': number(all.p50),
    'a page, p95 ms': number(all.p95),
    'a page, p99 ms': number(all.p99),
    'the same, one web process fewer': number(oneLess.p99),
    'a mail, p99 ms': number(all.mailP99),
    'busiest web process, %': number(all.webBusy * 100),
    'the primary, %': number(all.primaryBusy * 100),
  };
}

async function compare(): Promise<void> {
  const { check, TOLERANCE } = await import('./simulate/check.ts');
  const { costs, slowness, others, measured, predicted, isClose } = await check();
  console.log(`\n${machine()}\n`);
  printColumns(
    Object.entries(costs).map(([kind, { process, database, wait, statements }]) => ({
      'cost of': kind,
      'process, ms of CPU': number(process),
      'PostgreSQL, ms of CPU': number(database),
      'other waiting, ms': number(wait),
      statements: number(statements),
    })),
  );
  console.log(
    `\nWork takes ${number(slowness)} times as long as its CPU time, by the mix through a few connections.`,
  );
  console.log();
  printColumns(
    Object.entries({ measured, predicted }).map(([which, { rate, p95 }]) => ({
      'the mix': which,
      'requests/s': number(rate),
      'p95 ms': number(p95),
    })),
  );
  console.log(`\nOther programs used ${number(others * 100)} % of the cores.`);
  if (isClose) return;
  console.log(`The prediction is more than ${TOLERANCE * 100} % off.`);
  process.exitCode = 1;
}

/** Prints records side by side. */
function printColumns(columns: readonly Readonly<Record<string, string>>[]): void {
  const names = Object.keys(columns[0] ?? {});
  const nameWidth = Math.max(...names.map(({ length }) => length));
  const widths = columns.map((column) => Math.max(...Object.values(column).map(({ length }) => length)));
  for (const name of names) {
    const cells = columns.map((column, index) => (column[name] ?? '').padStart(widths[index] ?? 0));
    console.log([name.padEnd(nameWidth), ...cells].join('  '));
  }
}

function number(value: number): string {
  return value.toLocaleString(
    'en',
    value < 1 ? { maximumFractionDigits: 3 } : { maximumSignificantDigits: 3 },
  );
}
