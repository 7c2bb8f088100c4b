import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempDisposable, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { addressOf, createClient } from '../../src/database/hosts.ts';
import { StartupError } from '../../src/errors.ts';
import { databaseUnreachable } from '../../src/plugins/db.ts';

const execute = promisify(execFile);

/** Makes the restored objects belong to whoever restores them, whatever roles exist there. */
const PORTABLE = ['--no-owner', '--no-acl'];

/** How long pg_dump waits behind a migration that holds a lock. */
const LOCK_WAIT = '60s';

/**
 * Writes a backup of the whole database as of now to a new file, which only its owner can read. The file appears when it
 * is complete and on disk.
 *
 * @throws StartupError if the file exists or cannot be written, or pg_dump is missing, older than the server or fails
 */
export async function backUp(databaseUrl: string, file: string): Promise<string> {
  const startedAt = performance.now();
  if ((await stat(file).catch(() => undefined)) !== undefined) {
    throw new StartupError(2, `${file} exists already. Choose another name.`);
  }
  const { serverVersion, tables } = await inspect(databaseUrl);
  await requireTool('pg_dump', serverVersion);
  const args = ['--format=custom', `--lock-wait-timeout=${LOCK_WAIT}`, ...PORTABLE];
  await untilStopped((signal) =>
    writeWhole(file, (output) => runTool('pg_dump', args, { databaseUrl, tables, output, signal })),
  );
  const { size } = await stat(file);
  return `Backed up ${tables} tables to ${file}: ${(size / 1e6).toFixed(1)} MB in ${seconds(startedAt)}.`;
}

/**
 * Restores a backup into an empty database, in one transaction.
 *
 * @throws StartupError if the database is not empty, the file is not a backup, or pg_restore is missing, older than the
 * server or fails; the database is then still empty
 */
export async function restore(databaseUrl: string, file: string): Promise<string> {
  const startedAt = performance.now();
  const { serverVersion, objects } = await inspect(databaseUrl);
  if (objects > 0) {
    throw new StartupError(
      2,
      'The database is not empty, and nothing was changed. Create an empty one, set DATABASE_URL, and try again.',
    );
  }
  await requireTool('pg_restore', serverVersion);
  const contents = await listContents(file);
  const tables = contents.filter((line) => line.includes(' TABLE DATA ')).length;
  await using scratch = await mkdtempDisposable(join(tmpdir(), 'pennypost-'));
  const list = join(scratch.path, 'contents');
  await writeFile(list, contents.join('\n'));
  const args = [...PORTABLE, '--single-transaction', `--use-list=${list}`, file];
  await untilStopped((signal) =>
    runTool('pg_restore', args, { databaseUrl, tables, output: 'ignore', signal }),
  );
  const counts = await analyse(databaseUrl);
  return `Restored ${tables} tables from ${file} in ${seconds(startedAt)}: ${counts}.
Next: npm run migrate, if the backup is from an older release. The section Backup of docs/operations.md says what is sent
again when a worker starts.`;
}

/** The server's major version, the number of tables, and the number of all tables, views and sequences. */
async function inspect(
  databaseUrl: string,
): Promise<{ serverVersion: number; tables: number; objects: number }> {
  return query(
    databaseUrl,
    `select current_setting('server_version_num')::int / 10000 as "serverVersion",
       count(*) filter (where relkind = 'r')::int as tables, count(*)::int as objects
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace
     where nspname !~ '^pg_' and nspname <> 'information_schema' and relkind <> 'i'
       and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')`,
  );
}

/** Gathers PostgreSQL's planner statistics, which a backup does not contain. Returns what was restored, in words. */
async function analyse(databaseUrl: string): Promise<string> {
  await query(databaseUrl, 'analyze');
  const { users, posts, jobs } = await query<Record<'users' | 'posts' | 'jobs', string>>(
    databaseUrl,
    `select (select count(*) from users) as users, (select count(*) from posts) as posts,
       (select count(*) from pgboss.job where state in ('created', 'retry', 'active')) as jobs`,
  );
  return `${users} accounts, ${posts} posts and ${jobs} unfinished jobs`;
}

async function query<Row extends object>(databaseUrl: string, sql: string): Promise<Row> {
  const client = createClient({ ...addressOf(databaseUrl), connectionTimeoutMillis: 5_000 });
  client.on('error', () => {}); // The query fails too.
  try {
    await client.connect();
    return (await client.query(sql)).rows[0];
  } catch (error) {
    throw databaseUnreachable(databaseUrl, error);
  } finally {
    await client.end();
  }
}

/** The entries of a backup, without the server's extensions: only a superuser may create them, and the site needs none. */
async function listContents(file: string): Promise<string[]> {
  const { stdout } = await execute('pg_restore', ['--list', file]).catch((error) => {
    throw new StartupError(2, `${file} cannot be read as a backup: ${error.stderr?.trim() || error.message}`);
  });
  const entries = stdout.split('\n').filter((line) => !line.includes(' EXTENSION '));
  if (!entries.some((line) => line.includes(' TABLE DATA public users '))) {
    throw new StartupError(2, `${file} is not a backup of Pennypost.`);
  }
  return entries;
}

/** Refuses to continue without a program of PostgreSQL that is at least as new as the server. */
async function requireTool(program: string, serverVersion: number): Promise<void> {
  const found = await execute(program, ['--version']).catch(() => undefined);
  const version = Number(/\) (\d+)/.exec(found?.stdout ?? '')?.[1]);
  if (version >= serverVersion) return;
  const what =
    found === undefined ? 'there is none on the PATH' : `the one on the PATH is version ${version}`;
  throw new StartupError(
    2,
    `The database is PostgreSQL ${serverVersion}, which needs ${program} ${serverVersion} or newer, and ${what}.
Debian and Ubuntu: apt install postgresql-client-${serverVersion}, if need be from https://apt.postgresql.org
macOS: brew install postgresql@${serverVersion}
If several versions are installed, put the folder of the newest first on the PATH.`,
  );
}

/** Runs something with a signal that is aborted when this process is told to stop. */
async function untilStopped(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    await run(stopping.signal);
  } catch (error) {
    throw stopping.signal.aborted ? new StartupError(1, 'Stopped.', { cause: error }) : error;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** Writes a file atomically: it appears complete or not at all, even after a power cut. */
async function writeWhole(file: string, write: (descriptor: number) => Promise<void>): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}.unfinished`;
  const handle = await open(unfinished, 'wx', 0o600).catch((error) => {
    throw new StartupError(2, `Cannot write ${file}: ${error.message}`, { cause: error });
  });
  try {
    await write(handle.fd);
    await handle.sync();
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  const folder = await open(dirname(file));
  await folder.sync().finally(() => folder.close());
}

/** Matches what pg_dump and pg_restore print when they begin with a table's rows. */
const TABLE = /(?:dumping contents of|processing data for) table "(.+)"/;

interface Run {
  readonly databaseUrl: string;
  /** How many tables there are, to show the progress. */
  readonly tables: number;
  /** A file's descriptor for standard output. */
  readonly output: 'ignore' | number;
  /** Ends the program. */
  readonly signal: AbortSignal;
}

/** Runs pg_dump or pg_restore and shows its progress. */
async function runTool(
  program: string,
  args: readonly string[],
  { databaseUrl, tables, output, signal }: Run,
): Promise<void> {
  const { url, env } = hidePassword(databaseUrl);
  const child = spawn(program, ['--verbose', `--dbname=${url}`, ...args], {
    stdio: ['ignore', output, 'pipe'],
    env: { ...process.env, ...env, LC_ALL: 'C', PGAPPNAME: 'pennypost backup', PGCONNECT_TIMEOUT: '5' },
    signal,
  });
  const [failure, [code, killedBy]] = await Promise.all([
    showProgress(child.stderr ?? Readable.from([]), tables),
    once(child, 'close'),
  ]);
  if (code !== 0)
    throw new StartupError(1, failure || `${program} ended with ${killedBy ?? `code ${code}`}.`);
}

/** Keeps the password out of the arguments, which everybody on the machine can read. */
function hidePassword(databaseUrl: string): { url: string; env: { PGPASSWORD?: string } } {
  const [, user, password, rest] = /^(\w+:\/\/[^:@/]*):([^@/]*)(@.*)$/.exec(databaseUrl) ?? [];
  if (password === undefined) return { url: databaseUrl, env: {} };
  return { url: `${user}${rest}`, env: { PGPASSWORD: decodeURIComponent(password) } };
}

/** Shows on a terminal which table is being read or written. Returns the program's error message, or an empty string. */
async function showProgress(output: Readable, tables: number): Promise<string> {
  const show = (text: string) => process.stderr.isTTY && process.stderr.write(`\r\u001B[K${text}`);
  const failure: string[] = [];
  let begun = 0;
  for await (const line of createInterface({ input: output })) {
    const table = TABLE.exec(line)?.[1];
    if (failure.length > 0 || line.includes(': error: ')) failure.push(line);
    else if (table !== undefined) show(`${++begun}/${tables} tables  ${table}`);
  }
  show('');
  return failure.join('\n').slice(0, 2000);
}

function seconds(startedAt: number): string {
  return `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
}
