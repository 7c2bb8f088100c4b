import { parseArgs } from 'node:util';
import { ConfigError } from '../src/config.ts';
import { runMain } from '../src/process.ts';
import { openScope } from '../test/support/scope.ts';
import { machine } from './bench/machine.ts';
import type { Fault } from './faults/fault.ts';
import { HEADINGS, judge, type Verdict } from './faults/judge.ts';
import { faults, SHORT } from './faults/list.ts';
import { Load } from './faults/load.ts';
import { measure, type Pace } from './faults/measure.ts';
import { openSite } from './faults/site.ts';
import { printTable } from './faults/table.ts';

const PACE: Pace = { calmMs: 1_500, isPatient: false };
const SHORT_PACE: Pace = { seconds: 1, calmMs: 300, isPatient: true };

/**
 * `npm run faults`: breaks a running site in every way we know while people read and write, and prints what they noticed,
 * what was lost, and how soon the same processes were well again. Exits with 1 if a promise was broken. Takes about seven
 * minutes. `--list` lists the faults, `--only NAME,NAME` tries some, `--short` tries a few briefly.
 */
await runMain(async () => {
  const { chosen, pace, isList } = readOptions();
  if (isList) return console.log(faults.map(({ name }) => name).join('\n'));
  const verdicts = await tryAll(chosen, pace);
  console.log(`\n${machine()}`);
  printTable(
    HEADINGS,
    verdicts.map(({ cells }) => cells),
  );
  const broken = verdicts.flatMap(({ cells: [name], broken }) =>
    broken.map((promise) => `${name}: ${promise}`),
  );
  for (const line of broken) console.error(`BROKEN: ${line}`);
  console.log(`\n${verdicts.length} faults, ${broken.length} broken promises.`);
  if (broken.length > 0) process.exitCode = 1;
});

async function tryAll(chosen: readonly Fault[], pace: Pace): Promise<Verdict[]> {
  await using scope = openScope();
  const site = await openSite(scope);
  const load = await Load.start(site, { slowness: pace.isPatient ? 2 : 1 });
  scope.teardown(() => load.stop());
  const verdicts: Verdict[] = [];
  for (const [index, fault] of chosen.entries()) {
    const why = fault.impossible?.(site);
    if (why !== undefined) {
      console.log(`${fault.name}: skipped, because ${why}`);
      continue;
    }
    const verdict = judge(fault, await measure(fault, site, load, pace), pace);
    verdicts.push(verdict);
    console.log(`${index + 1}/${chosen.length} ${verdict.cells.join(' | ')}`);
    for (const promise of verdict.broken) console.log(`    BROKEN: ${promise}`);
  }
  return verdicts;
}

function readOptions() {
  const { values } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string' }, short: { type: 'boolean' } },
  });
  const { list: isList = false, only, short: isShort = false } = values;
  const names = only?.split(',') ?? (isShort ? SHORT : faults.map(({ name }) => name));
  const problems = names
    .filter((name) => !faults.some((fault) => fault.name === name))
    .map((name) => `--only: there is no fault "${name}"; see --list`);
  if (problems.length > 0) throw new ConfigError(problems);
  const chosen = faults.filter(({ name }) => names.includes(name));
  return { chosen, pace: isShort ? SHORT_PACE : PACE, isList };
}
