import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import type { DatabaseUse } from '../../src/database/circuit-breaker.ts';
import { withoutDatabase } from '../../src/plugins/work.ts';
import { build } from '../support/build.ts';

const app = await build(t);

/** Runs something as a request that may wait for the database for some time. Returns how much later its deadline is then. */
async function extension(ms: number, run: () => Promise<unknown>): Promise<number> {
  const deadline = performance.now() + ms;
  const databaseUse: DatabaseUse = {
    route: 'GET /',
    deadline,
    isVital: false,
    hasBegun: false,
    hasFailed: false,
  };
  await app.work.run({ label: 'GET /', databaseUse }, run);
  return databaseUse.deadline - deadline;
}

t.test('a wait for something else leaves the time for the database', async (t) => {
  const waitMs = 1_500;
  const readAfterWait = async () => {
    await withoutDatabase(app, () => sleep(waitMs));
    await sql`select`.execute(app.db);
  };
  t.ok((await extension(waitMs - 100, readAfterWait)) >= waitMs - 2);
  await t.rejects(
    extension(100, () => sleep(200).then(() => sql`select`.execute(app.db))),
    { name: 'OutOfTime' },
  );
  const failing = extension(0, () => withoutDatabase(app, () => Promise.reject(new Error('no thread'))));
  await t.rejects(failing, { message: 'no thread' });
});

t.test('hashing a password and rendering a text do not count as waiting for the database', async (t) => {
  t.ok((await extension(0, () => app.passwords.hash('a long password'))) > 0);
  t.ok((await extension(0, () => app.markdown.comment('A *text*'))) > 0);
  t.ok((await extension(0, () => app.markdown.by(1).post('A *text*'))) > 0);
});
