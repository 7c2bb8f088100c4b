import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { styleText } from 'node:util';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { type FileResult, runFiles } from './support/run-test-files.ts';

/** Started first, so that none of them runs alone at the end. `npm run test:slow` finds them. Some of them mostly wait. */
const LONGEST = [
  'test/scripts/start.test.ts',
  'test/system/browser/pages.test.ts',
  'test/scripts/faults.test.ts',
  'test/scripts/fuzz.test.ts',
  'test/system/unread-answers.test.ts',
  'test/queue/threads.test.ts',
  'test/scripts/tutorial.test.ts',
  'test/jobs/export.test.ts',
  'test/queue/keys.test.ts',
  'test/system/rolling-deploy.test.ts',
  'test/system/faults.test.ts',
  'test/system/coherence.test.ts',
  'test/system/robustness.test.ts',
  'test/system/authorization.test.ts',
  'test/worker.test.ts',
  'test/server.test.ts',
  'test/scripts/support/backup.test.ts',
  'test/jobs/mail.test.ts',
  'test/jobs/erasure.test.ts',
  'test/system/browser/lively.test.ts',
  'test/system/browser/jobs.test.ts',
  'test/scripts.test.ts',
  'test/system/replica.test.ts',
  'test/system/plans.test.ts',
  'test/plugins/page-cache.test.ts',
  'test/scripts/support/supervisor.test.ts',
  'test/queue/heartbeat.test.ts',
  'test/queue.test.ts',
  'test/scripts/seed.test.ts',
  'test/system/browser/sign-up.test.ts',
];

/**
 * Runs the test files in a few processes, each of which runs one file after another. Prints a line per file, and what
 * failed. `tap run` would start a process with coverage for each file, and loading the application takes longer than most
 * of the tests.
 *
 * Usage: `node scripts/run-tests.ts [--slow] [--serial] [--short] [FILE…]`, under `scripts/with-postgres.ts`. With `--short`,
 * leaves out long tests of the whole system. With `--slow`, also runs those that `npm test` leaves out, and lists the slowest.
 */
await runMain(async () => {
  const args = process.argv.slice(2);
  const named = args.filter((arg) => !arg.startsWith('--'));
  const isSlow = args.includes('--slow');
  if (isSlow) process.env.TEST_SLOW = '1';
  const startedAt = performance.now();
  const left = args.includes('--short') ? named.filter(isLongOfSystem) : [];
  const files = named.filter((file) => !left.includes(file));
  const queue = named.length > 0 ? files : await findFiles();
  // Tests spend about half of their time waiting for processes, locks and browsers.
  const length = args.includes('--serial') ? 1 : 2 * availableParallelism();
  const processes = Array.from({ length }, () => runFiles(queue, printFile));
  const results = (await Promise.all(processes)).flat();
  if (isSlow) printSlowest(results);
  printTotal(results, performance.now() - startedAt);
  if (left.length > 0) console.log(`Left to npm test: ${left.join(', ')}`);
  if (results.some(({ ok }) => !ok)) process.exitCode = 1;
});

function isLongOfSystem(file: string): boolean {
  return file.startsWith('test/system/') && LONGEST.includes(file);
}

async function findFiles(): Promise<string[]> {
  const files = (await Array.fromAsync(glob('test/**/*.test.ts'))).sort();
  const unknown = LONGEST.filter((file) => !files.includes(file));
  if (unknown.length > 0) throw new StartupError(1, `There is no ${unknown.join(', ')}`);
  return [...LONGEST, ...files.filter((file) => !LONGEST.includes(file))];
}

/** Prints a line per file. For a failed one, also prints its output without the tests that passed. */
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
