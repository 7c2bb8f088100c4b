import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { createUser } from '../../test/support/factories.ts';
import { FaultyMailServer } from '../../test/support/mail-server.ts';
import { FaultyPostgres } from '../../test/support/postgres.ts';
import { RunningProcess } from '../../test/support/processes.ts';
import { FaultyProxy } from '../../test/support/proxy.ts';
import type { Scope } from '../../test/support/scope.ts';
import { SmallDisk } from '../../test/support/small-disk.ts';
import { writePosts } from '../../test/support/writing.ts';
import { migrateToLatest } from '../support/migrate.ts';
import { NODE_ARGUMENTS } from '../support/node-arguments.ts';
import { findFreePort } from '../support/postgres-cluster.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SABOTAGE = pathToFileURL(join(ROOT, 'test', 'support', 'sabotage.ts')).href;

/** The database and its owner, who is no superuser, as on a site. */
export const DATABASE = 'pennypost';
const PASSWORD = 'pennypost';

/** Small limits, so that its disk can be filled and its connections used up. Commits are durable. */
const POSTGRES = {
  max_connections: '80', // More than the owner may have, so that some are left for breaking it.
  max_wal_size: '64MB',
  min_wal_size: '32MB',
  wal_keep_size: '32MB',
};
const OWNERS_CONNECTIONS = 50;
const DISK_MEGABYTES = 320;

const PEOPLE = ['reader', 'writer', 'author'];
const POSTS = 30;

/** How many jobs a worker runs at once, which it may have to repeat. */
export const CONCURRENCY = 10;
/** How long a process that is told to stop waits for its jobs. */
export const GRACE_SECONDS = 2;

export type WebName = 'web' | 'spare';
export type ProcessName = WebName | 'worker' | 'second worker';

/** A web process as the load balancer sees it. */
export interface Backend {
  readonly url: string;
  /** Ends the requests that are underway, when the process is taken out of service. */
  readonly closing: AbortController;
}

/** A running site: real processes, each of which reaches its database and mail server through a network that breaks. */
export interface Site {
  readonly scope: Scope;
  readonly postgres: FaultyPostgres;
  /** The database's URL for its owner, without the network that breaks. */
  readonly ownerUrl: string;
  /** The network between the processes and the database. */
  readonly network: FaultyProxy;
  readonly mail: FaultyMailServer;
  readonly mailNetwork: FaultyProxy;
  /** The disk of the database; undefined if the machine does not let us mount one. */
  readonly disk: SmallDisk | undefined;
  /** For inspecting the database, directly and not through the network. */
  readonly app: FastifyInstance;
  readonly processes: Record<ProcessName, RunningProcess>;
  /** Problems that no request shows. Emptied for each fault. */
  readonly complaints: string[];
  /** The web processes in service; visitors are sent to the first one that responds. */
  readonly backends: Backend[];
  /** Starts a process in place of the one that has ended. Waits until it is ready. */
  restart(name: ProcessName, env?: Record<string, string>): Promise<void>;
  /** Starts a process and does not wait. */
  launch(name: ProcessName, env?: Record<string, string>): RunningProcess;
  /** Creates a folder that is deleted with the scope. */
  folder(): Promise<string>;
}

/** Starts a site, which stops with the scope. */
export async function openSite(scope: Scope): Promise<Site> {
  const folder = () => temporaryFolder(scope);
  const disk = await SmallDisk.mount(scope, DISK_MEGABYTES);
  const postgres = await FaultyPostgres.start(scope, disk?.folder ?? (await folder()), POSTGRES);
  const ownerUrl = await createDatabase(postgres);
  const network = await FaultyProxy.open(scope, ownerUrl);
  const mail = await FaultyMailServer.start(scope);
  const mailNetwork = await FaultyProxy.open(scope, mail.url);
  const app = await openApp(scope, postgres);
  const ports = { web: await findFreePort(), spare: await findFreePort() };
  const settings = {
    DATABASE_URL: network.url,
    SMTP_URL: mailNetwork.url,
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    WORKER_CONCURRENCY: String(CONCURRENCY),
    SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS),
  };
  const launch = (name: ProcessName, env: Record<string, string> = {}) => {
    const port = name === 'web' || name === 'spare' ? { PORT: String(ports[name]) } : {};
    const started = launchProcess(scope, name, { ...settings, ...port, ...env });
    site.processes[name] = started;
    return started;
  };
  const restart = async (name: ProcessName, env?: Record<string, string>) => {
    const { child } = launch(name, env);
    const [message] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (message !== 'ready') throw new Error(`${name} has not started: ${site.processes[name].output}`);
  };
  const site: Site = {
    scope,
    disk,
    postgres,
    ownerUrl,
    network,
    mail,
    mailNetwork,
    app,
    launch,
    restart,
    folder,
    complaints: [],
    processes: {} as Site['processes'],
    backends: [backendAt(ports.web), backendAt(ports.spare)],
  };
  await Promise.all((['web', 'spare', 'worker'] as const).map((name) => restart(name)));
  return site;
}

function backendAt(port: number): Backend {
  return { url: `http://127.0.0.1:${port}`, closing: new AbortController() };
}

/** Takes the first web process out of service, as a load balancer does when its health check fails. */
export function takeOutOfService({ backends }: Site): { putBack(): void } {
  const backend = backends.shift();
  if (backend === undefined) throw new Error('no web process is in service');
  backend.closing.abort();
  return { putBack: () => void backends.unshift({ url: backend.url, closing: new AbortController() }) };
}

async function temporaryFolder(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-faults-'));
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755); // PostgreSQL may run as another user.
  return folder;
}

/** Returns the URL for the owner of the new database. */
async function createDatabase(postgres: FaultyPostgres): Promise<string> {
  await postgres.query(
    `create role ${DATABASE} login password '${PASSWORD}' connection limit ${OWNERS_CONNECTIONS}`,
  );
  await postgres.query(`create database ${DATABASE} owner ${DATABASE}`);
  const url = new URL(postgres.cluster.url(DATABASE));
  url.username = DATABASE;
  url.password = PASSWORD;
  await migrateToLatest(url.href, () => {});
  return url.href;
}

async function openApp(scope: Scope, { cluster }: FaultyPostgres): Promise<FastifyInstance> {
  const env = { DATABASE_URL: cluster.url(DATABASE), SMTP_URL: 'smtp://127.0.0.1:1', LOG_LEVEL: 'silent' };
  const app = buildApp(loadConfig(env), { role: 'command' });
  await app.ready();
  scope.teardown(() => app.close());
  for (const username of PEOPLE) {
    const user = await createUser(app, { username });
    await writePosts(app, user, POSTS);
  }
  return app;
}

/** Starts a process as an operator does, except that its parent can sabotage it. */
function launchProcess(scope: Scope, name: ProcessName, env: Record<string, string>): RunningProcess {
  const script = join(ROOT, 'src', name.endsWith('worker') ? 'worker.ts' : 'server.ts');
  const child = spawn(process.execPath, [...NODE_ARGUMENTS, `--import=${SABOTAGE}`, script], {
    cwd: join(ROOT, 'test'), // There is no developer's .env.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const running = new RunningProcess(child);
  scope.teardown(() => {
    running.thaw(); // A frozen one cannot end.
    return running.end('SIGTERM');
  });
  return running;
}
