import t from 'tap';
import { createDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';
import { SLOW } from '../support/slow.ts';

// A short run, so that the script keeps working. It is too short to tell whether anything grows.
t.test('people use the site, and nothing fails', SLOW, async (t) => {
  const database = `--database=${await createDatabase(t)}`;
  const running = start(t, ['scripts/soak.ts', database, '--minutes=0.1'], {});
  await running.exited();
  t.match(running.output, /^web, resident memory, MB .*flat$/m);
  t.match(
    running.output,
    /^\d+ actions and [1-9]\d* mails in \d+ s, \d+ attempts refused, \d+ requests shed, 0 failures\.$/m,
  );
});

t.test('options are validated', async (t) => {
  const wrong = start(t, ['scripts/soak.ts', '--minutes=long'], {});
  t.equal(await wrong.exited(), 2);
  t.match(wrong.output, /^--minutes: "long" is not accepted/);
  const unknown = start(t, ['scripts/soak.ts', '--nonsense'], {});
  t.equal(await unknown.exited(), 2);
  t.equal(unknown.output.trim().split('\n').length, 1, 'no stack trace');
});
