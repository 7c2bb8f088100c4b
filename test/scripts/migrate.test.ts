import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { getRollbackPlans, PgBoss } from 'pg-boss';
import t, { type Test } from 'tap';
import {
  listMigrations,
  migrateDown,
  migrateToLatest,
  type Report,
  withMigrations,
} from '../../scripts/support/migrate.ts';
import { LOCK_MS } from '../../scripts/support/migration-locks.ts';
import { planMigrations } from '../../scripts/support/migration-plan.ts';
import { connectionName } from '../../src/database/migrator.ts';
import { QUEUE_SCHEMA } from '../../src/queue/index.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createDatabase, createEmptyDatabase } from '../support/database.ts';
import { createUser } from '../support/factories.ts';
import { start } from '../support/processes.ts';
import { makeMigrations, migration, type Sources } from '../support/release.ts';
import { waitFor } from '../support/wait-for.ts';

// Mostly waits for locks.
t.jobs = 4;

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
async function said(command: (url: string, report: Report) => Promise<void>, url: string): Promise<string> {
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

t.test('a migration that does not declare its kind is an error that names its file', async (t) => {
  const folder = await migrationsWith(t, { '9001_silent': 'export async function up() {}' });
  const message = /^migrations\/9001_silent\.ts does not declare its kind: export const kind = 'expand', or/;
  await t.rejects(
    migrateToLatest(await createDatabase(t), () => {}, { folder }),
    { message, exitCode: 2 },
  );
});

t.test('each migration is a separate transaction: what came before a failed one remains', async (t) => {
  const url = await createDatabase(t);
  const folder = await migrationsWith(t, {
    '9001_good': migration('expand', 'alter table posts add column language text'),
    '9002_bad': migration('expand', 'alter table posts add column mood text; select 1 / 0'),
  });
  const message = 'Migration 9002_bad failed: division by zero';
  await t.rejects(
    migrateToLatest(url, () => {}, { folder }),
    { message, exitCode: 1 },
  );
  const { db } = await build(t, { DATABASE_URL: url });
  await t.resolves(sql`select language from posts`.execute(db));
  await t.rejects(sql`select mood from posts`.execute(db), /does not exist/);
});

t.test('a run whose session ends stops, because it no longer holds the lock of the run', async (t) => {
  const url = await createDatabase(t);
  const folder = await migrationsWith(t, {
    '9001_cut': migration('expand', 'select pg_terminate_backend(pg_backend_pid())'),
  });
  await t.rejects(
    migrateToLatest(url, () => {}, { folder }),
    { message: /^Migration 9001_cut failed: /, exitCode: 1 },
  );

  const inSession = withMigrations(url, undefined, async ({ db }) => {
    const { db: other } = await build(t, { DATABASE_URL: url });
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'pennypost migrate'
    `.execute(other);
    await sleep(100);
    await sql`select 1`.execute(db);
  });
  await t.rejects(inSession, { message: /^Cannot use the database at /, exitCode: 1 });
});

t.test('a migration waits briefly for a lock, lets others go first, and tries again', async (t) => {
  const url = await createDatabase(t);
  const { db } = await build(t, { DATABASE_URL: url });
  const folder = await migrationsWith(t, {
    '9001_language': migration('expand', 'alter table posts add column language text'),
  });
  const backup = await db.startTransaction().execute();
  await sql`select from posts`.execute(backup);

  const message =
    'Migration 9001_language failed: canceling statement due to lock timeout. ' +
    'Is a backup or another long transaction running?';
  await t.rejects(
    migrateToLatest(url, () => {}, { folder, tries: 1 }),
    { message, exitCode: 1 },
  );

  const lines: string[] = [];
  const migrating = migrateToLatest(url, (line) => lines.push(line), { folder });
  await waitFor(() => lines.length > 0, 'it has tried');
  await t.resolves(sql`select from posts`.execute(db), 'between two tries, the table can be used');
  await backup.rollback().execute();
  await migrating;
  t.match(lines, [
    /^Migration 9001_language needs a lock that is taken \(try 1 of 60\)\.$/,
    'applied   9001',
  ]);
});

t.test('an index is built concurrently, and again if an attempt has left it invalid', async (t) => {
  const url = await createDatabase(t);
  const app = await build(t, { DATABASE_URL: url });
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  await sql`update users set location = 'here'`.execute(app.db);
  const statement = 'create unique index concurrently if not exists users_location_key on users (location)';
  const folder = await migrationsWith(t, {
    '9001_locations': migration('expand', statement, { concurrently: true }),
  });
  const isValid = async () => {
    const { rows } = await sql<{ valid: boolean }>`
      select indisvalid as valid from pg_index where indexrelid = to_regclass('users_location_key')
    `.execute(app.db);
    return rows[0]?.valid;
  };
  await t.rejects(
    migrateToLatest(url, () => {}, { folder }),
    /could not create unique index/,
  );
  t.equal(await isValid(), false);

  await sql`update users set location = 'there' where id = ${john.id}`.execute(app.db);
  const writing = await app.db.startTransaction().execute();
  await sql`update users set name = 'Susan' where id = ${susan.id}`.execute(writing);
  const migrating = migrateToLatest(url, () => {}, { folder });
  await sleep(2 * LOCK_MS);
  await writing.commit().execute();
  await migrating;
  t.equal(await isValid(), true, 'it waits for a transaction for longer than for a lock');
});

t.test('a contract step waits until no process of an older release is connected', async (t) => {
  const url = await createDatabase(t);
  const old = await build(t, { DATABASE_URL: url });
  const migrations = {
    '9001_language': migration('expand', 'alter table posts add column language text'),
    '9002_no_location': migration('contract', 'alter table users drop column location'),
  };
  const folder = await migrationsWith(t, migrations);
  const migrate = (where: string) => said((...args) => migrateToLatest(...args, { folder: where }), url);
  const held = [
    'waits     9002_no_location',
    `9002_no_location removes what older releases use, and they are running: ${connectionName('web')} at 127.0.0.1.`,
  ];
  const ready = [
    'When they have been replaced, run this again.',
    'The schema is ready for this release: 1 applied.',
  ];
  t.same(await migrate(folder), `${['applied   9001_language', ...held, ...ready].join('\n')}\n`);

  const next = await migrationsWith(t, {
    ...migrations,
    '9003_mood': migration('expand', 'alter table posts add column mood text'),
  });
  await t.rejects(migrate(next), { message: /^Update them to the release before this one/, exitCode: 1 });

  await old.close();
  t.match(
    await migrate(next),
    /^applied {3}9002_no_location\napplied {3}9003_mood\nThe schema is current: 2/,
  );
});

t.test('a plan says what would lock what, and changes nothing', async (t) => {
  const url = await createDatabase(t);
  const { db } = await build(t, { DATABASE_URL: url });
  await sql.raw(getRollbackPlans('pgboss', QUEUE_SCHEMA)).execute(db);
  const statements = [
    'alter table posts add column language text',
    'create table moods (id integer primary key, user_id integer references users)',
    'select pg_sleep(10)',
  ];
  const folder = await migrationsWith(t, {
    '9001_language': migration('expand', statements[0] ?? ''),
    '9002_moods': migration('expand', statements[1] ?? ''),
    '9003_same': migration('expand', 'alter table posts add column mood text'),
    '9004_index': migration('expand', 'create index concurrently on posts (id)', { concurrently: true }),
    '9005_no_location': migration('contract', 'alter table users drop column location'),
  });
  const plan = (where: string) => said((...args) => planMigrations(...args, { folder: where }), url);
  t.same((await plan(folder)).split('\n').slice(0, -1), [
    'pending   9001_language  expand: posts: reads and writes wait (AccessExclusiveLock)',
    'pending   9002_moods  expand: users: writes wait (ShareRowExclusiveLock)',
    'pending   9003_same  expand: no other locks',
    'pending   9004_index  expand: builds indexes outside a transaction, and nothing waits',
    'pending   9005_no_location  contract: users: reads and writes wait (AccessExclusiveLock); ' +
      `only after these have ended: ${connectionName('web')} at 127.0.0.1`,
    `pending   the queue's schema, version ${QUEUE_SCHEMA - 1} to ${QUEUE_SCHEMA}  expand: ` +
      'pgboss.queue: reads and writes wait (AccessExclusiveLock)',
    'Each waits at most 500 ms for a lock and lets others go first, up to 60 times.',
  ]);
  await t.rejects(sql`select language from posts`.execute(db), /does not exist/);

  const slow = await migrationsWith(t, { '9001_slow': migration('expand', statements[2] ?? '') });
  t.match(await plan(slow), '9001_slow  expand: the trial failed: canceling statement due to user request');
});

t.test("the queue's schema is updated without blocking those who enqueue", async (t) => {
  const url = await createDatabase(t);
  const app = await build(t, { DATABASE_URL: url });
  await sql.raw(getRollbackPlans('pgboss', QUEUE_SCHEMA)).execute(app.db);
  const reading = await app.db.startTransaction().execute();
  await sql`select from pgboss.queue`.execute(reading);
  const lines: string[] = [];
  const migrating = migrateToLatest(url, (line) => lines.push(line));
  await waitFor(() => lines.length > 0, 'it has tried');
  await t.resolves(app.queue.send(mailQueue, { template: 'confirm-account', userId: 1 }, { db: app.db }));
  await reading.rollback().execute();
  await migrating;
  t.match(lines, [
    /^The queue's schema needs a lock/,
    `applied   version ${QUEUE_SCHEMA} of the queue's schema`,
    'The schema is current.',
  ]);
  const boss = new PgBoss({ connectionString: url, max: 1, supervise: false, schedule: false });
  await boss.start();
  t.ok((await boss.detectSchemaDrift()).ok, 'as in a new database, indexes included');
  await boss.stop();
});

/** A folder with this release's migrations and more. */
async function migrationsWith(t: Test, migrations: Sources): Promise<string> {
  return join(await makeMigrations(t, migrations), 'migrations');
}

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
