import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { runFuzz } from '../../scripts/fuzz/command.ts';
import { createDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/folder.ts';
import { start } from '../support/processes.ts';
import { SLOW } from '../support/slow.ts';

// A short run with a fixed seed. `npm run fuzz` is the long one, with its own seed each time.
t.test(
  'no request is answered with a server error or with internals, and stored ones are sent again',
  SLOW,
  async (t) => {
    const options = { requests: 1500, seed: 1, deadline: 60, database: await createDatabase(t) };
    const lines: string[] = [];
    t.intercept(console, 'log', { value: (line: string) => lines.push(line) });
    await runFuzz(options);
    const output = lines.splice(0).join('\n');
    t.match(output, /^1[5-9]\d\d requests in \d+ s/m);
    t.match(output, /^0 faults\./m);

    const file = join(await temporaryFolder(t), 'requests.json');
    const request = { route: 'GET /', as: 'nobody', method: 'GET', path: '/', headers: [] };
    await writeFile(file, JSON.stringify([request, { pieces: ['nonsense\r\n\r\n'], ending: 'ends' }]));
    await runFuzz({ ...options, replay: file });
    t.same(lines, ['No faults.']);
  },
);

t.test('options are validated', async (t) => {
  const running = start(t, ['scripts/fuzz.ts', '--requests=many', '--seed=x'], {});
  t.equal(await running.exited(), 2);
  t.match(running.output, /^--requests: "many" is not accepted[^\n]+\n--seed: "x" is not accepted/);
});
