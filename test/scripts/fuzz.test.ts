import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { start } from '../support/processes.ts';

// Mostly waits for processes.
t.jobs = 3;

// A short run with a fixed seed. `npm run fuzz` is the long one, with a seed of its own each time.
t.test('no request is answered with a server error or with internals', async (t) => {
  const options = ['--requests=1500', '--seed=1', '--deadline=60', `--database=${await createDatabase(t)}`];
  const running = start(t, ['scripts/fuzz.ts', ...options], {});
  t.equal(await running.exited(), 0, running.output);
  t.match(running.output, /^1\d\d\d requests in \d+ s/m);
  t.match(running.output, /^0 faults\./m);
});

t.test('stored requests are sent again', async (t) => {
  const file = join(await temporaryFolder(t), 'requests.json');
  const request = { route: 'GET /', as: 'nobody', method: 'GET', path: '/', headers: [] };
  await writeFile(file, JSON.stringify([request, { pieces: ['nonsense\r\n\r\n'], ending: 'ends' }]));
  const database = `--database=${await createDatabase(t)}`;
  const running = start(t, ['scripts/fuzz.ts', database, '--deadline=60', `--replay=${file}`], {});
  t.equal(await running.exited(), 0, running.output);
  t.match(running.output, 'No faults.');
});

t.test('options are validated', async (t) => {
  const running = start(t, ['scripts/fuzz.ts', '--requests=many', '--seed=x'], {});
  t.equal(await running.exited(), 2);
  t.match(running.output, /^--requests: "many" is not accepted[^\n]+\n--seed: "x" is not accepted/);
});
