import { parseArgs } from 'node:util';
import { runMain } from '../src/run-main.ts';

/**
 * `npm run faults`: breaks a running site in every way we know while people read and write, and prints what they noticed, what
 * was lost, and how soon the same processes worked again. Exits with 1 if a promise was broken. Takes about seven minutes.
 * `--list` lists the faults, `--only NAME,NAME` tries some, `--short` tries a few briefly.
 */
await runMain(async () => {
  const { values } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string' }, short: { type: 'boolean' } },
  });
  const { runFaults } = await import('./faults/command.ts');
  await runFaults(values);
});
