import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Kysely, type LogEvent, PostgresDialect } from 'kysely';
import pg from 'pg';
import { pendingMigrations } from '../database/migrator.ts';
import { type NamingPool, preparing } from '../database/prepared-statements.ts';
import type { Schema } from '../database/schema.ts';
import { maskPassword } from '../environment-reader.ts';
import { StartupError } from '../errors.ts';
import { type Clock, enableClockOverride, QUEUE_CONNECTIONS } from '../queue/boss.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The database. Domain functions take it, or a transaction on it, as their first parameter. */
    db: Kysely<Schema>;
    /** Where to read what may be a moment old: the replica where there is one, else `db`. Nothing is written to it. */
    replica: Kysely<Schema>;
    /** The pool under `db`, for libraries that speak to node-postgres themselves. */
    pool: pg.Pool;
  }
}

/** How long a request waits for a free connection, or for the server to answer at all. */
const CONNECT_TIMEOUT_MS = 5_000;

/** `app.db`: Kysely on a pool. Refuses to start on a database that is away or whose schema is old. */
export default fp<{ clock?: Clock | undefined }>(
  async (app, { clock }) => {
    const { databaseUrl } = app.config;
    if (databaseUrl === undefined)
      throw new StartupError(2, 'DATABASE_URL: not set, and the application needs it');

    const pool = createPool(app, databaseUrl, clock);
    const db = createDb(app, pool);
    app.decorate('db', db);
    app.decorate('pool', pool);
    app.decorate('replica', createReplica(app, pool) ?? db);
    app.addHook('onClose', async () => {
      if (app.replica !== db) await app.replica.destroy();
      await db.destroy();
    });

    await refuseOldSchema(db, databaseUrl);
  },
  { name: 'db', dependencies: ['work'] },
);

function createPool(app: FastifyInstance, connectionString: string, clock?: Clock): pg.Pool {
  const pool = new pg.Pool({
    connectionString,
    // One more is for LISTEN.
    max: app.config.databasePoolMax - QUEUE_CONNECTIONS - 1,
    application_name: `pennypost ${app.role}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    onConnect: (client) => prepareSession(client, app, clock),
  });
  pool.on('error', () => {}); // What befalls an idle client, its own listener has said.
  return pool;
}

function createDb(app: FastifyInstance, pool: NamingPool): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: preparing(pool) }),
    log: logSlowQueries(app),
  });
}

/** For how long the primary stands in for a replica that could not be reached, before that is tried again. */
const REPLICA_PAUSE_MS = 5_000;

function createReplica(app: FastifyInstance, primary: pg.Pool): Kysely<Schema> | undefined {
  const { databaseReplicaUrl } = app.config;
  if (databaseReplicaUrl === undefined) return undefined;
  const replica = createPool(app, databaseReplicaUrl);
  let isAwayUntil = 0;
  return createDb(app, {
    options: replica.options,
    end: () => replica.end(),
    async connect() {
      if (Date.now() < isAwayUntil) return primary.connect();
      try {
        return await replica.connect();
      } catch (error) {
        isAwayUntil = Date.now() + REPLICA_PAUSE_MS;
        app.log.warn({ err: error }, 'the replica does not answer: the primary stands in for it');
        return primary.connect();
      }
    },
  });
}

/**
 * A worker's commits need not wait for the disk. The log is written in order, so a power cut takes the last moment
 * as a whole, claims, results and all, and those jobs run again. What cannot be repeated, such as the ledger's row
 * after a mail was accepted, asks for a wait of its own: it covers everything before it.
 */
const DONT_WAIT_FOR_THE_DISK = 'set synchronous_commit = off';

async function prepareSession(
  client: pg.ClientBase,
  { role, log }: FastifyInstance,
  clock: Clock | undefined,
): Promise<void> {
  // The pool listens to idle clients only. Unheard, an error between two statements would end the process.
  client.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'));
  if (role === 'worker') await client.query(DONT_WAIT_FOR_THE_DISK);
  if (clock !== undefined) await client.query(enableClockOverride());
}

async function refuseOldSchema(db: Kysely<Schema>, databaseUrl: string): Promise<void> {
  let pending: string[];
  try {
    pending = await pendingMigrations(db);
  } catch (error) {
    throw databaseUnreachable(databaseUrl, error);
  }
  if (pending.length > 0) {
    throw new StartupError(
      2,
      `The database schema is old (pending: ${pending.join(', ')}). Run: npm run migrate`,
    );
  }
}

/** Slow queries are logged with their SQL and what they were for, never with their parameters. */
function logSlowQueries({ config, log, work }: FastifyInstance) {
  return ({ level, query, queryDurationMillis }: LogEvent): void => {
    if (level !== 'query' || queryDurationMillis < config.slowQueryMs) return;
    log.warn(
      { sql: query.sql, durationMs: Math.round(queryDurationMillis), work: work.getStore()?.label },
      'slow query',
    );
  };
}

/** One line about a database that does not answer, with the password masked. */
export function databaseUnreachable(databaseUrl: string, cause: unknown): StartupError {
  const reasons = cause instanceof AggregateError ? cause.errors : [cause];
  const reason = reasons.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
  return new StartupError(1, `Cannot use the database at ${maskPassword(databaseUrl)}: ${reason}`, { cause });
}
