import { parseArgs } from 'node:util';
import type { PartialStrykerOptions } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { testsOf } from './support/changed-files.ts';

const NODE_ARGUMENTS = ['--require', '{{hookFile}}', 'scripts/support/test-process.ts', '{{testFile}}'];

const OPTIONS: PartialStrykerOptions = {
  testRunner: 'tap',
  plugins: ['@stryker-mutator/tap-runner'],
  coverageAnalysis: 'perTest',
  reporters: ['clear-text', 'progress'],
  clearTextReporter: { logTests: false, reportTests: false },
  concurrency: 2,
  tsconfigFile: 'none', // Stryker cannot rewrite it with this version of TypeScript, and Node does not read it.
};

/**
 * `npm run mutate -- FILE…`: breaks the code of files in many small ways, one at a time, and lists the changes that their tests
 * do not notice. Also runs the test files among the arguments. Takes a second or more per change, so name few files.
 */
await runMain(async () => {
  process.env.TAP_TIMEOUT = '0'; // Stryker has its own, by how long the tests take without a change.
  const { positionals } = parseArgs({ allowPositionals: true });
  const mutate = positionals.filter((file) => !file.startsWith('test/'));
  const testFiles = testsOf(positionals);
  if (mutate.length === 0 || testFiles.length === 0) {
    throw new StartupError(2, 'Usage: npm run mutate -- FILE… [TEST…], of which a file has a test');
  }
  await new Stryker({
    ...OPTIONS,
    mutate,
    tap: { testFiles, nodeArgs: NODE_ARGUMENTS },
  } as PartialStrykerOptions).runMutationTest();
});
