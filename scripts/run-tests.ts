import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { styleText } from 'node:util';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/process.ts';
import { type FileResult, runFiles } from './support/run-test-files.ts';

/** Started before all others, so that none of them runs alone at the end. `npm run test:slow` tells which they are. */
const LONGEST = [
  'test/scripts/start.test.ts',
  'test/browser/pages.test.ts',
  'test/scripts/torture.test.ts',
  'test/jobs/export.test.ts',
  'test/rolling-deploy.test.ts',
  'test/coherence.test.ts',
  'test/robustness.test.ts',
  'test/authorization.test.ts',
  'test/worker.test.ts',
  'test/server.test.ts',
  'test/jobs/mail.test.ts',
  'test/browser/lively.test.ts',
  'test/browser/jobs.test.ts',
  'test/scripts/tools.test.ts',
  'test/plans.test.ts',
  'test/plugins/page-cache.test.ts',
  'test/scripts/supervisor.test.ts',
];

/**
 * Runs test files in a few processes, each one file after another, and prints a line for each file and all that failed
 * in it. `tap run` would give each file a process of its own and load a recorder of coverage into it: loading the
 * application anew takes longer than most of the tests.
 *
 * `node scripts/run-tests.ts [--slow] [FILE…]`, within `scripts/with-postgres.ts`
 */
await runMain(async () => {
  const args = process.argv.slice(2);
  const files = args.filter((arg) => arg !== '--slow');
  const startedAt = performance.now();
  const queue = files.length > 0 ? files : await findFiles();
  // Tests wait for processes, locks and browsers about as long as they compute.
  const processes = Array.from({ length: 2 * availableParallelism() }, () => runFiles(queue, printFile));
  const results = (await Promise.all(processes)).flat();
  if (args.includes('--slow')) printSlowest(results);
  printTotal(results, performance.now() - startedAt);
  if (results.some(({ ok }) => !ok)) process.exitCode = 1;
});

async function findFiles(): Promise<string[]> {
  const files = (await Array.fromAsync(glob('test/**/*.test.ts'))).sort();
  const unknown = LONGEST.filter((file) => !files.includes(file));
  if (unknown.length > 0) throw new StartupError(1, `There is no ${unknown.join(', ')}`);
  return [...LONGEST, ...files.filter((file) => !LONGEST.includes(file))];
}

/** A file that passes is a line, and what it wrote beside its results; of one that fails, all but what passed. */
function printFile({ name, ms, ok, passed, failed, output }: FileResult): void {
  const word = ok ? styleText('green', 'ok    ') : styleText('red', 'not ok');
  console.log(`${word} ${seconds(ms)}  ${name}  ${passed} passed${failed > 0 ? `, ${failed} failed` : ''}`);
  if (!ok) console.log(output.replaceAll(/^ *ok \d+.*\n/gm, ''));
}

function printSlowest(results: readonly FileResult[]): void {
  const tests = results.flatMap(({ name: file, tests }) =>
    tests.map(({ name, ms }) => ({ name: `${file}: ${name}`, ms })),
  );
  for (const [title, list] of [
    ['The slowest files', results],
    ['The slowest tests', tests],
  ] as const) {
    console.log(`\n${title}`);
    for (const { name, ms } of list.toSorted((a, b) => b.ms - a.ms).slice(0, 20)) {
      console.log(`${seconds(ms)}  ${name}`);
    }
  }
}

function printTotal(results: readonly FileResult[], ms: number): void {
  const sum = (count: (result: FileResult) => number) =>
    results.reduce((so, result) => so + count(result), 0);
  const [passed, failed] = [sum((result) => result.passed), sum((result) => result.failed)];
  console.log(
    `\n${results.length} files, ${passed} assertions passed, ${failed} failed, in ${seconds(ms).trim()}`,
  );
  for (const { name } of results.filter(({ ok }) => !ok))
    console.log(`${styleText('red', 'not ok')} ${name}`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}
