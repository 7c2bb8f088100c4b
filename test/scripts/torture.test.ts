import t from 'tap';
import { start } from '../support/processes.ts';
import { SLOW } from '../support/slow.ts';

// A short run, so that the script keeps working. `npm run torture` is the long one.
t.test('every mail arrives, whatever is killed, restarted or refused', SLOW, async (t) => {
  const running = start(t, ['scripts/torture.ts', '--mails=50', '--seconds=3', '--kills=1'], {});
  await running.prints(/in flows|FAULT|Error/);
  t.equal(await running.exited(), 0, running.output);
  t.match(running.output, /1 workers killed, the database restarted twice/);
  t.match(running.output, /At most \d+ arrived in a second under a limit of 34/);
  t.match(running.output, /\d{3} jobs were worked in order\./);
  t.match(running.output, /60 jobs were done in flows, and after the batch came \[\{[^{]*"done":50[^{]*\}\]/);
  t.match(running.output, /50 of 50 mails arrived, [1-9]\d* attempts were refused/);
});

t.test('amounts are validated', async (t) => {
  const running = start(t, ['scripts/torture.ts', '--mails=many', '--seconds=1'], {});
  t.equal(await running.exited(), 2);
  t.match(running.output, /^--mails: "many" is not accepted[^\n]+\n--seconds: "1" is not accepted/);
});
