import { glob, readdir, readFile, readlink } from 'node:fs/promises';
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
      return Number(pid) > 0; // It is negative while the data is being created.
    };
    await waitFor(findPostmaster, () => `PostgreSQL starts: ${running.output}`);
    t.equal(await running.end(signal), 1);
    const hasEnded = () =>
      readlink(`/proc/${pid}/cwd`).then(
        () => false,
        () => true,
      );
    await waitFor(hasEnded, 'PostgreSQL ends'); // It deletes its pid file just before.
    t.same(await readdir(folder), []);
  });
}
