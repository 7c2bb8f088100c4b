import { runQuietly, runShowing } from './support/npm-run.ts';

/** `npm test`: runs every check that a change must pass: the tests, and meanwhile format, lint and types. */
const results = await Promise.all([runShowing('tap'), runQuietly('lint'), runQuietly('types')]);
if (results.includes(false)) process.exitCode = 1;
