import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import pg from 'pg';
import t, { type Test } from 'tap';
import { backUp, restore } from '../../../scripts/support/backup.ts';
import { migrateToLatest } from '../../../scripts/support/migrate.ts';
import { seed } from '../../../scripts/support/seed.ts';
import { mailQueue } from '../../../src/queues.ts';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createDatabase, createEmptyDatabase } from '../../support/database.ts';
import { findDumpableServer } from '../../support/dumpable-server.ts';
import { registration } from '../../support/factories.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { drain, jobsOf } from '../../support/jobs.ts';
import { start } from '../../support/processes.ts';
import { catchMail } from '../../support/smtp.ts';
import { waitFor } from '../../support/wait-for.ts';

const execute = promisify(execFile);

const admin = async (t: Test, args: string[], env: Record<string, string>) => {
  const running = start(t, ['scripts/admin.ts', ...args], env);
  return { code: await running.exited(), output: running.output };
};

/** A pg_dump or pg_restore that does what a test needs. Returns its PATH. */
async function fakeTool(t: Test, name: string, { version = 99, script = '' }): Promise<string> {
  const folder = await temporaryFolder(t);
  const source = `#!/bin/sh
if [ "$1" = --version ]; then echo '${name} (PostgreSQL) ${version}.1'; exit; fi
${script}`;
  await writeFile(join(folder, name), source, { mode: 0o755 });
  return `${folder}:/usr/bin:/bin`;
}

function usePath(t: Test, path: string): void {
  t.intercept(process, 'env', { value: { ...process.env, PATH: path } });
}

t.test('a restored backup has every row, and its queue sends each mail once', async (t) => {
  const create = await findDumpableServer(t);
  if (create === undefined) return t.plan(0, 'there is no pg_dump for a PostgreSQL on this machine');
  const smtp = await catchMail(t);
  const [original, copy] = [await create('original'), await handOver(await create('copy'))];
  await migrateToLatest(original, () => {});
  await query(original, 'create extension pg_stat_statements');
  await runSite(t, { DATABASE_URL: original, SMTP_URL: smtp.url });
  t.equal(smtp.mails.length, 2);

  const file = join(await temporaryFolder(t), 'site.backup');
  const backup = await admin(t, ['backup', file], { DATABASE_URL: original });
  t.equal(backup.code, 0, backup.output);
  t.match(backup.output, /Backed up \d+ tables to \S+site\.backup: \d+\.\d MB in \d+\.\d s\./);
  t.equal((await stat(file)).mode & 0o777, 0o600);

  const torn = `${file}.torn`;
  await writeFile(torn, (await readFile(file)).subarray(0, -1_000));
  await t.rejects(restore(copy, torn), { message: /^pg_restore: error: /, exitCode: 1 });

  const restored = await admin(t, ['restore', file], { DATABASE_URL: copy });
  t.equal(restored.code, 0, restored.output);
  t.match(restored.output, /Restored \d+ tables .*: 23 accounts, 30 posts and 2 unfinished jobs\./);
  const rows = await everyRow(original);
  t.ok(rows.length > 30, `${rows.length} tables`);
  t.same(await everyRow(copy), rows);
  t.equal(await schemaOf(copy), await schemaOf(original));

  const env = { DATABASE_URL: copy, SMTP_URL: smtp.url };
  const app = await build(t, env);
  start(t, ['src/worker.ts'], env);
  await waitFor(async () => (await jobsOf(app, mailQueue, ['completed'])).length === 3, 'all jobs are done');
  t.same(smtp.mails.map(({ to }) => to && 'text' in to && to.text).sort(), [
    'delivered@example.com',
    'interrupted@example.com',
    'waiting@example.com',
  ]);
});

t.test('a backup or restore that cannot work is refused before it begins', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'site.backup');
  const [full, empty] = [await createDatabase(t), await createEmptyDatabase(t)];
  usePath(t, folder);
  await t.rejects(backUp(full, file), {
    message: /needs pg_dump \d+ or newer, and there is none on the PATH\.\nDebian/,
    exitCode: 2,
  });
  usePath(t, await fakeTool(t, 'pg_dump', { version: 9 }));
  await t.rejects(backUp(full, file), { message: /, and the one on the PATH is version 9\./ });
  usePath(t, await fakeTool(t, 'pg_dump', {}));
  await t.rejects(backUp(full, join(folder, 'gone', 'site.backup')), {
    message: /^Cannot write \S+: ENOENT/,
  });
  t.same(await readdir(folder), []);

  await writeFile(file, 'An older backup.');
  await t.rejects(backUp(full, file), { message: /site\.backup exists already/, exitCode: 2 });
  t.equal(await readFile(file, 'utf8'), 'An older backup.');
  await t.rejects(restore(full, file), { message: /^The database is not empty/, exitCode: 2 });

  usePath(t, await fakeTool(t, 'pg_restore', { script: `echo '3;  0 16 TABLE DATA public orders shop'` }));
  await t.rejects(restore(empty, file), { message: /site\.backup is not a backup of Pennypost\.$/ });
  usePath(t, await fakeTool(t, 'pg_restore', { script: 'echo "error: not an archive" >&2; exit 1' }));
  await t.rejects(restore(empty, file), { message: /cannot be read as a backup: error: not an archive$/ });
});

t.test('a backup that fails, or is stopped, leaves no file', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'site.backup');
  const databaseUrl = await createDatabase(t);
  usePath(
    t,
    await fakeTool(t, 'pg_dump', { script: 'echo half; echo "pg_dump: error: disk full" >&2; exit 1' }),
  );
  await t.rejects(backUp(databaseUrl, file), { message: 'pg_dump: error: disk full', exitCode: 1 });
  t.same(await readdir(folder), []);

  const slow = await fakeTool(t, 'pg_dump', { script: 'echo half; exec sleep 600' });
  const env = { DATABASE_URL: databaseUrl, PATH: slow };
  const running = start(t, ['scripts/admin.ts', 'backup', file], env);
  await waitFor(async () => (await readdir(folder)).length === 1, 'it has begun');
  t.equal(await running.end('SIGTERM'), 1);
  t.match(running.output, /^Stopped\.$/m);
  t.same(await readdir(folder), []);
});

/** Gives a database to a new role, as on another server, which may not create extensions. Returns its URL for the role. */
async function handOver(databaseUrl: string): Promise<string> {
  const url = new URL(databaseUrl);
  [url.username, url.password] = [`restorer_${process.pid}`, 'secret'];
  await query(databaseUrl, `create role ${url.username} login password '${url.password}'`);
  await query(databaseUrl, `alter database ${url.pathname.slice(1)} owner to ${url.username}`);
  return url.href;
}

async function query(databaseUrl: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(text);
  await client.end();
}

/** Leaves a site with one mail delivered, one whose worker died after delivering it, and one that waits. */
async function runSite(t: Test, env: Record<string, string>): Promise<void> {
  const app = await build(t, env);
  await seed(app.db, { users: 20, posts: 30, comments: 40, follows: 50, seed: 1 });
  const register = (username: string) =>
    new Client(app).post('/auth/register', registration({ username, email: `${username}@example.com` }));
  await register('delivered');
  await register('interrupted');
  await drain(app);
  await sql`
    update pgboss.job set state = 'active', completed_on = null, heartbeat_on = now() - interval '1 minute'
    where name = ${mailQueue.name} and data ->> 'userId' = (select id::text from users where username = 'interrupted')
  `.execute(app.db);
  await register('waiting');
  await app.close();
}

/** A digest of each table's rows, and each sequence's value. */
async function everyRow(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows: tables } = await client.query(
    `select relkind, c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace
     where relkind in ('r', 'S') and nspname in ('public', 'pgboss') order by name`,
  );
  const digests: string[] = [];
  for (const { relkind, name } of tables) {
    const columns = relkind === 'S' ? '(last_value, is_called)' : 'whole';
    const { rows } = await client.query(
      `select count(*) as rows, md5(string_agg(${columns}::text, '|' order by ${columns}::text)) as digest
       from ${name} as whole`,
    );
    digests.push(`${name} ${rows[0].rows} ${rows[0].digest}`);
  }
  await client.end();
  return digests;
}

/** All definitions, without the random keys of pg_dump's \restrict. */
async function schemaOf(databaseUrl: string): Promise<string> {
  const parts = ['--schema-only', '--no-owner', '--schema=public', '--schema=pgboss'];
  const { stdout } = await execute('pg_dump', [...parts, `--dbname=${databaseUrl}`]);
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '');
}
