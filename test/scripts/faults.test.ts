import t from 'tap';
import { start } from '../support/processes.ts';
import { SLOW } from '../support/slow.ts';

// A few faults, so that the script keeps working. `npm run faults` tries all of them.
t.test('a broken site loses nothing, and recovers', SLOW, async (t) => {
  const running = start(t, ['scripts/faults.ts', '--short'], {});
  t.equal(await running.exited(), 0, running.output);
  t.match(running.output, /\n4 faults, 0 broken promises\.\n/);
});

t.test('an unknown fault is refused', async (t) => {
  const running = start(t, ['scripts/faults.ts', '--only=nonsense'], {});
  t.equal(await running.exited(), 2);
  t.match(running.output, /^--only: there is no fault "nonsense"; see --list\n$/);
});
