import { parseArgs } from 'node:util';
import { runMain } from '../src/run-main.ts';
import { listChanged, testsOf } from './support/changed-files.ts';
import { runQuietly, runShowing } from './support/npm-run.ts';

/**
 * `npm run check`: checks format, lint and types, and runs the tests of the files that differ from the last commit, or from a
 * branch: `npm run check -- main`. Leaves long tests of the whole system to `npm test`.
 */
await runMain(async () => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const tests = testsOf(await listChanged(positionals[0] ?? 'HEAD'));
  const results = [await runQuietly('lint'), await runQuietly('types')];
  if (tests.length > 0) results.push(await runShowing('tap', '--short', ...tests));
  else console.log('None of the changed files has a test.');
  if (results.includes(false)) process.exitCode = 1;
});
