import { sql } from 'kysely';
import t from 'tap';
import { listMigrations, migrateDown, migrateToLatest } from '../../scripts/support/migrate.ts';
import { build } from '../support/build.ts';
import { createDatabase, createEmptyDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';

t.test('migrations apply, are listed, are reverted one by one, and apply again', async (t) => {
  const url = await createEmptyDatabase(t);
  const migrate = async (...args: string[]) => {
    const running = start(t, ['scripts/migrate.ts', ...args], { DATABASE_URL: url });
    t.equal(await running.exited(), 0, args.join(' '));
    return running.output;
  };

  t.match(await said(listMigrations, url), /^pending {3}0001_accounts\npending/);
  t.match(await migrate(), /applied {3}0001_accounts\n[\s\S]*The schema is current: \d+ applied\./);
  t.equal(await said(migrateToLatest, url), 'The schema is current.\n', 'a second run changes nothing');
  const list = await migrate('--list');
  t.match(list, /^applied {3}0001_accounts {2}20/);
  const newest = list.trim().split('\n').at(-1)?.split(/ +/)[1];
  t.match(await migrate('--down'), `reverted  ${newest}`);
  t.match(await said(listMigrations, url), new RegExp(`\\npending {3}${newest}\\n$`));
  t.match(await said(migrateToLatest, url), `applied   ${newest}`);
  const app = await build(t, { DATABASE_URL: url });
  t.equal((await app.inject('/health/ready')).statusCode, 200);
});

/** What the command prints that runs this. */
async function said(command: typeof migrateToLatest, url: string): Promise<string> {
  let text = '';
  await command(url, (line) => {
    text += `${line}\n`;
  });
  return text;
}

t.test(
  'several runs at once: each waits its turn, all succeed, every migration is applied once',
  async (t) => {
    const url = await createEmptyDatabase(t);
    const outputs = await Promise.all([1, 2, 3].map(() => said(migrateToLatest, url)));
    t.equal(outputs.filter((output) => output.includes('applied   0001_accounts')).length, 1);
  },
);

t.test('an old release leaves the schema of a newer one alone', async (t) => {
  const url = await createEmptyDatabase(t);
  await migrateToLatest(url, () => {});
  const app = await build(t, { DATABASE_URL: url });
  await sql`insert into kysely_migration values ('9999_from_the_future', now()::text)`.execute(app.db);
  const lines: string[] = [];
  await migrateToLatest(url, (line) => lines.push(line));
  t.same(lines, ['A newer release has updated the schema. Nothing was changed.']);
});

t.test('a failing migration is named, sets the exit code, and changes nothing', async (t) => {
  const DATABASE_URL = await createDatabase(t);
  const app = await build(t, { DATABASE_URL });
  await sql`delete from kysely_migration where name >= '0003'`.execute(app.db);

  const failing = start(t, ['scripts/migrate.ts'], { DATABASE_URL });
  t.equal(await failing.exited(), 1);
  t.match(failing.output, /^Migration 0003_follows failed: relation "follows" already exists/);
  t.equal(failing.output.trim().split('\n').length, 1);
});

t.test('every migration can be reverted, down to nothing', async (t) => {
  const url = await createDatabase(t);
  let output = '';
  for (let step = 0; step < 50 && output !== 'There is nothing to revert.\n'; step += 1)
    output = await said(migrateDown, url);
  t.equal(output, 'There is nothing to revert.\n');
});

t.test('every table has a comment', async (t) => {
  const { db } = await build(t);
  const { rows } = await sql`
    select relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname not like 'kysely%'
      and obj_description(oid, 'pg_class') is null
  `.execute(db);
  t.same(rows, []);
});
