import { randomBytes } from 'node:crypto';
import {
  chown,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { StartupError } from '../../src/errors.ts';
import { canEnter, findBinaries, type PostgresBinaries, run, SHARED_FOLDER } from './postgres-binaries.ts';

/** A running PostgreSQL on a free loopback port with a random password. */
export interface Cluster {
  readonly port: number;
  /** Whether this process started it, or found it running. */
  readonly wasStartedHere: boolean;
  /** The superuser's URL of a database. */
  url(database: string): string;
  /** The folder of its data. */
  readonly folder: string;
  /** Restarts it on the same port, cleanly or with a crash as in a power cut. Also starts a stopped one. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  /** Ends all connections and stops it, if it is still running; `immediate` as in a power cut. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
}

/** Settings by name. */
export type PostgresSettings = Readonly<Record<string, string>>;

const SUPERUSER = 'postgres';
const PASSWORD_FILE = 'pennypost-password';

/** Recovery after a power cut replays at most a gigabyte of log, which takes less than a minute. */
const START_DEADLINE_MS = 60_000;
const POLL_MS = 50;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // One log file per weekday, overwritten after a week, so that logs cannot fill the disk.
  logging_collector: 'on',
  log_filename: 'postgresql-%a.log',
  log_rotation_age: '1d',
  log_truncate_on_rotation: 'on',
};

/**
 * Opens the cluster in a folder. Creates it if it does not exist and starts it if it is not running. Safe to call
 * concurrently from several processes, and after a power cut.
 *
 * @param settings PostgreSQL settings for a new cluster
 * @throws StartupError with the server's log if it does not start
 */
export async function openCluster(folder: string, settings: PostgresSettings = {}): Promise<Cluster> {
  const binaries = await findBinaries();
  const cluster = await findOrCreateCluster(folder, binaries, { ...SETTINGS, ...settings });
  const password = (await readFile(join(cluster, PASSWORD_FILE), 'utf8')).trim();
  const urlAt = (at: number, database: string) =>
    `postgresql://${SUPERUSER}:${password}@127.0.0.1:${at}/${database}`;

  const running = await startOrJoin(cluster, binaries, (at) => urlAt(at, 'postgres'));
  return {
    ...running,
    folder: cluster,
    url: (database) => urlAt(running.port, database),
    async restart(mode) {
      const log = join(cluster, 'startup.log');
      await run(binaries.pgCtl, ['restart', '-D', cluster, '-m', mode, '-l', log, '-w'], binaries.identity);
    },
    async stop(mode = 'fast') {
      const postmaster = await readPostmaster(cluster);
      if (postmaster === undefined || !(await isAlive(postmaster.pid, cluster))) return;
      await run(binaries.pgCtl, ['stop', '-D', cluster, '-m', mode, '-w', '-t', '60'], binaries.identity);
    },
  };
}

async function findOrCreateCluster(
  folder: string,
  binaries: PostgresBinaries,
  settings: PostgresSettings,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const place = join(folder, 'postgres');
  const existing = await realpath(place).catch(() => undefined);
  if (existing !== undefined) return existing;

  const isReachable = await canEnter(folder, binaries.identity);
  const home = isReachable ? folder : SHARED_FOLDER;
  await mkdir(home, { recursive: true });
  const fresh = await mkdtemp(join(home, 'postgres-'));
  try {
    await initialise(fresh, binaries, settings);
    // Both are atomic: the cluster appears complete, or the call fails because another process was faster.
    await (isReachable ? rename(fresh, place) : symlink(fresh, place));
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (!isTaken(error)) throw error;
  }
  return realpath(place);
}

async function initialise(
  cluster: string,
  { initdb, identity }: PostgresBinaries,
  settings: PostgresSettings,
): Promise<void> {
  const password = randomBytes(24).toString('base64url');
  const scratch = await mkdtemp(join(tmpdir(), 'pennypost-'));
  const passwordFile = join(scratch, 'password');
  try {
    await writeFile(passwordFile, password, { mode: 0o600 });
    for (const path of [cluster, scratch, passwordFile]) await giveTo(path, identity);
    await run(
      initdb,
      [
        `--pgdata=${cluster}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The built-in provider sorts text the same on every machine and in every version, so indexes stay valid.
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        ...Object.entries(settings).map(([name, value]) => `--set=${name}=${value}`),
      ],
      identity,
    );
    await writeFile(join(cluster, PASSWORD_FILE), password, { mode: 0o600 });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function startOrJoin(
  cluster: string,
  { pgCtl, identity }: PostgresBinaries,
  urlAt: (port: number) => string,
): Promise<{ port: number; wasStartedHere: boolean }> {
  const deadline = Date.now() + START_DEADLINE_MS;
  const log = join(cluster, 'startup.log');
  let failure: unknown;

  while (Date.now() < deadline) {
    const postmaster = await readPostmaster(cluster);
    if (postmaster === undefined) {
      const port = await findFreePort();
      try {
        await run(pgCtl, ['start', '-D', cluster, '-o', `-p ${port}`, '-l', log, '-w', '-t', '60'], identity);
        return { port, wasStartedHere: true };
      } catch (error) {
        failure = error; // Another process may have been faster, or the last server's children are still exiting.
      }
    } else if (await answers(urlAt(postmaster.port))) {
      return { port: postmaster.port, wasStartedHere: false };
    } else if (!(await isAlive(postmaster.pid, cluster))) {
      await rm(join(cluster, 'postmaster.pid'), { force: true });
    }
    await sleep(POLL_MS);
  }
  const output = await readFile(log, 'utf8').catch(() => '');
  throw new StartupError(1, `The embedded PostgreSQL in ${cluster} does not start:\n${output.slice(-2000)}`, {
    cause: failure,
  });
}

/** Reads the pid file of a running or killed server: line 1 is its pid, line 4 its port. */
async function readPostmaster(cluster: string): Promise<{ pid: number; port: number } | undefined> {
  const file = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (file === undefined) return undefined;
  const lines = file.split('\n');
  return { pid: Number(lines[0]), port: Number(lines[3] ?? 0) };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether a process is this cluster's server. After a power cut or in a new container, another process may have the same
 * pid, so on Linux we check the working directory, which is the cluster's folder.
 */
async function isAlive(pid: number, cluster: string): Promise<boolean> {
  if (process.platform === 'linux') {
    return (await readlink(`/proc/${pid}/cwd`).catch(() => undefined)) === cluster;
  }
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Finds a port that nothing listens on. */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function giveTo(path: string, identity: PostgresBinaries['identity']): Promise<void> {
  if (identity.uid !== undefined && identity.gid !== undefined) await chown(path, identity.uid, identity.gid);
}

function isTaken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EEXIST' || code === 'ENOTEMPTY';
}
