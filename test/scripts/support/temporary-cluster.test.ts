import { access, glob, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { temporaryFolder } from '../../support/folder.ts';
import { start } from '../../support/processes.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Each starts its own PostgreSQL, in its own way. */
const COMMANDS = {
  'scripts/soak.ts': 'SIGINT',
  'scripts/torture.ts': 'SIGTERM',
} as const;

for (const [script, signal] of Object.entries(COMMANDS)) {
  t.test(`${script} stops its PostgreSQL on ${signal} and deletes its data`, async (t) => {
    const folder = await temporaryFolder(t);
    const running = start(t, [script], { TMPDIR: folder });
    let pid = '';
    const findPostmaster = async () => {
      for await (const file of glob(join(folder, 'pennypost-*/**/postmaster.pid'))) {
        const text = await readFile(file, 'utf8').catch(() => ''); // It may go away again while the data is being created.
        [pid = ''] = text.split('\n');
      }
      return pid !== '';
    };
    await waitFor(findPostmaster, () => `PostgreSQL starts: ${running.output}`);
    t.equal(await running.end(signal), 1);
    await t.rejects(access(`/proc/${pid}`));
    t.same(await readdir(folder), []);
  });
}
