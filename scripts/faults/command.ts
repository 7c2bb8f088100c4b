import { ConfigError } from '../../src/errors.ts';
import { openScope } from '../../test/support/scope.ts';
import { machine } from '../bench/machine.ts';
import type { Fault } from './fault.ts';
import { HEADINGS, judge, type Verdict } from './judge.ts';
import { faults, SHORT } from './list.ts';
import { Load } from './load.ts';
import { measure, type Pace } from './measure.ts';
import { openSite } from './site.ts';
import { printTable } from './table.ts';

const PACE: Pace = { calmMs: 1_500, isPatient: false };
const SHORT_PACE: Pace = { seconds: 1, calmMs: 300, isPatient: true };

interface Options {
  readonly list?: boolean | undefined;
  /** Names, separated by commas. */
  readonly only?: string | undefined;
  readonly short?: boolean | undefined;
}

/**
 * Runs `npm run faults`. Sets the exit code if a promise was broken.
 *
 * @throws ConfigError if there is no fault of a given name
 */
export async function runFaults(options: Options): Promise<void> {
  if (options.list) return console.log(faults.map(({ name }) => name).join('\n'));
  const verdicts = await tryAll(choose(options), options.short ? SHORT_PACE : PACE);
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
}

async function tryAll(chosen: readonly Fault[], pace: Pace): Promise<Verdict[]> {
  await using scope = openScope();
  const site = await openSite(scope);
  const load = await Load.start(site, { slowness: pace.isPatient ? 3 : 1 });
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

function choose({ only, short: isShort }: Options): Fault[] {
  const names = only?.split(',') ?? (isShort ? SHORT : faults.map(({ name }) => name));
  const problems = names
    .filter((name) => !faults.some((fault) => fault.name === name))
    .map((name) => `--only: there is no fault "${name}"; see --list`);
  if (problems.length > 0) throw new ConfigError(problems);
  return faults.filter(({ name }) => names.includes(name));
}
