import { sql } from 'kysely';
import t from 'tap';
import { migrateDown, migrateToLatest } from '../../scripts/support/migrate.ts';
import { build } from '../support/build.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';

// Mostly waits for processes.
t.jobs = 3;
const SIDE_BY_SIDE = { buffered: true };

t.test(
  'migrations can be applied, listed, reverted one by one, and applied again',
  SIDE_BY_SIDE,
  async (t) => {
    const env = { DATABASE_URL: await createEmptyDatabase(t) };
    const migrate = async (...args: string[]) => {
      const running = start(t, ['scripts/migrate.ts', ...args], env);
      t.equal(await running.exited(), 0, args.join(' '));
      return running.output;
    };

    t.match(await migrate('--list'), /^pending {3}0001_accounts\npending/);
    t.match(await migrate(), /applied {3}0001_accounts\n[\s\S]*The schema is current: \d+ applied\./);
    t.equal(await migrate(), 'The schema is current.\n', 'a second run changes nothing');
    t.match(await migrate('--list'), /^applied {3}0001_accounts {2}20/);
    const newest = (await migrate('--list')).trim().split('\n').at(-1)?.split(/ +/)[1];
    t.match(await migrate('--down'), `reverted  ${newest}`);
    t.match(await migrate('--list'), new RegExp(`\\npending {3}${newest}\\n$`));
    t.match(await migrate(), `applied   ${newest}`);
    const app = await build(t, env);
    t.equal((await app.inject('/health/ready')).statusCode, 200);
  },
);

t.test('an old release leaves the schema of a newer one alone', SIDE_BY_SIDE, async (t) => {
  const url = await createEmptyDatabase(t);
  await migrateToLatest(url, () => {});
  const app = await build(t, { DATABASE_URL: url });
  await sql`insert into kysely_migration values ('9999_from_the_future', now()::text)`.execute(app.db);
  const lines: string[] = [];
  await migrateToLatest(url, (line) => lines.push(line));
  t.same(lines, ['A newer release has updated the schema. Nothing was changed.']);
});

t.test('concurrent runs wait for each other, and each migration is applied once', SIDE_BY_SIDE, async (t) => {
  const env = { DATABASE_URL: await createEmptyDatabase(t) };
  const runs = [1, 2, 3].map(() => start(t, ['scripts/migrate.ts'], env));
  t.same(await Promise.all(runs.map((run) => run.exited())), [0, 0, 0]);
  t.equal(runs.filter(({ output }) => output.includes('applied   0001_accounts')).length, 1);
});

t.test('a failing migration is named, sets the exit code, and changes nothing', SIDE_BY_SIDE, async (t) => {
  const DATABASE_URL = await createEmptyDatabase(t);
  const preparing = start(t, ['scripts/migrate.ts'], { DATABASE_URL });
  await preparing.exited();
  const app = await build(t, { DATABASE_URL });
  await sql`delete from kysely_migration where name >= '0003'`.execute(app.db);

  const failing = start(t, ['scripts/migrate.ts'], { DATABASE_URL });
  t.equal(await failing.exited(), 1);
  t.match(failing.output, /^Migration 0003_follows failed: relation "follows" already exists/);
  t.equal(failing.output.trim().split('\n').length, 1);
});

t.test('every migration can be reverted, down to nothing', SIDE_BY_SIDE, async (t) => {
  const url = await createEmptyDatabase(t);
  await migrateToLatest(url, () => {});
  let said = '';
  for (let step = 0; step < 50 && !said.includes('nothing to revert'); step += 1) {
    await migrateDown(url, (line) => {
      said = line;
    });
  }
  t.equal(said, 'There is nothing to revert.');
});

t.test('every table has a comment', SIDE_BY_SIDE, async (t) => {
  const { db } = await build(t);
  const { rows } = await sql`
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like 'kysely%'
      and obj_description(oid, 'pg_class') is null
  `.execute(db);
  t.same(rows, []);
});
