import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { createDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { start } from '../support/processes.ts';

// A short run with a fixed seed. `npm run fuzz` is the long one, with a seed of its own each time.
t.test(
  'no request is answered with a server error or with internals, and stored ones are sent again',
  async (t) => {
    const common = ['--deadline=60', `--database=${await createDatabase(t)}`];
    const running = start(t, ['scripts/fuzz.ts', '--requests=700', '--seed=1', ...common], {});
    t.equal(await running.exited(), 0, running.output);
    t.match(running.output, /^[7-9]\d\d requests in \d+ s/m);
    t.match(running.output, /^0 faults\./m);

    const file = join(await temporaryFolder(t), 'requests.json');
    const request = { route: 'GET /', as: 'nobody', method: 'GET', path: '/', headers: [] };
    await writeFile(file, JSON.stringify([request, { pieces: ['nonsense\r\n\r\n'], ending: 'ends' }]));
    const replay = start(t, ['scripts/fuzz.ts', `--replay=${file}`, ...common], {});
    t.equal(await replay.exited(), 0, replay.output);
    t.match(replay.output, 'No faults.');
  },
);

t.test('options are validated', async (t) => {
  const running = start(t, ['scripts/fuzz.ts', '--requests=many', '--seed=x'], {});
  t.equal(await running.exited(), 2);
  t.match(running.output, /^--requests: "many" is not accepted[^\n]+\n--seed: "x" is not accepted/);
});
