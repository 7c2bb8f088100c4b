import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Config } from '../../src/config.ts';
import { directUrl } from '../../src/database/connection.ts';
import { StartupError } from '../../src/errors.ts';
import { type Cluster, openCluster } from './postgres-cluster.ts';

/** The name of the application's database, and of the role that owns it and has no other rights. */
const APPLICATION = 'pennypost';

/** Held by the `npm start` that owns a data folder. Unlike a file, an advisory lock cannot be left behind. */
const START_LOCK = 7_366_998;

/**
 * Runs a command with its database: `DATABASE_DIRECT_URL`, `DATABASE_URL`, or the embedded one in `DATA_DIR`, which is started
 * and stopped unless it is already running.
 */
export async function withDatabase(
  config: Pick<Config, 'databaseUrl' | 'databaseDirectUrl' | 'dataDir'>,
  use: (databaseUrl: string) => Promise<void>,
): Promise<void> {
  if (config.databaseUrl !== undefined) return use(directUrl(config));
  const cluster = await openCluster(config.dataDir);
  try {
    await use(await createDatabase(cluster));
  } finally {
    if (cluster.wasStartedHere && !(await isUsedByOthers(cluster))) await cluster.stop();
  }
}

/** The embedded database for as long as the system runs. */
export interface HeldDatabase {
  readonly url: string;
  /** Settles if the server stops unexpectedly. */
  readonly lost: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Opens the embedded database for `npm start`, which then owns it.
 *
 * @throws StartupError if another `npm start` owns it
 */
export async function holdDatabase(dataDir: string): Promise<HeldDatabase> {
  const cluster = await openCluster(dataDir);
  const holder = new pg.Client({
    connectionString: cluster.url('postgres'),
    application_name: `pennypost start ${process.pid}`,
  });
  const lost = Promise.withResolvers<void>();
  holder.on('error', () => {}); // `end` follows, and is handled.
  holder.on('end', () => lost.resolve());
  await holder.connect();

  const { rows } = await holder.query('select pg_try_advisory_lock($1) as is_mine', [START_LOCK]);
  if (!rows[0].is_mine) {
    const pid = await findHolder(holder);
    await holder.end();
    throw new StartupError(
      1,
      `Pennypost is already running on ${dataDir} (process ${pid}). Stop it first, or set another DATA_DIR.`,
    );
  }
  return { url: await createDatabase(cluster), lost: lost.promise, stop: () => cluster.stop() };
}

async function findHolder(client: pg.Client): Promise<string> {
  const { rows } = await client.query(
    `select application_name from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and objid = $1`,
    [START_LOCK],
  );
  return rows[0]?.application_name.split(' ').at(-1) ?? 'unknown';
}

/**
 * Creates the application's role and database unless they exist. Returns the database's URL for that role. Its password is
 * derived from the superuser's by a one-way function, so that only one has to be stored.
 */
async function createDatabase(cluster: Cluster): Promise<string> {
  const url = new URL(cluster.url(APPLICATION));
  url.username = APPLICATION;
  url.password = createHmac('sha256', url.password).update(APPLICATION).digest('base64url');
  await query(cluster, async (client) => {
    const roles = await client.query('select from pg_roles where rolname = $1', [APPLICATION]);
    if (roles.rowCount === 0)
      await client.query(`create role ${APPLICATION} login password '${url.password}'`);
    const databases = await client.query('select from pg_database where datname = $1', [APPLICATION]);
    if (databases.rowCount === 0) await client.query(`create database ${APPLICATION} owner ${APPLICATION}`);
  });
  return url.href;
}

/** How long the server may take to notice that this command's own connections have ended. */
const DISCONNECT_MS = 2_000;

async function isUsedByOthers(cluster: Cluster): Promise<boolean> {
  return query(cluster, async (client) => {
    const deadline = Date.now() + DISCONNECT_MS;
    while (Date.now() < deadline) {
      const { rowCount } = await client.query(
        `select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      );
      if (rowCount === 0) return false;
      await sleep(20);
    }
    return true;
  });
}

async function query<Result>(cluster: Cluster, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: cluster.url('postgres') });
  client.on('error', () => {}); // The query fails too.
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
