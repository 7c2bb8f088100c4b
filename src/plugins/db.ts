import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Kysely, type LogEvent, sql } from 'kysely';
import pg from 'pg';
import { CircuitBreaker } from '../database/circuit-breaker.ts';
import { connectionTo, isPooled } from '../database/connection.ts';
import { Gate } from '../database/gate.ts';
import { gated } from '../database/gated-pool.ts';
import { longAnswerMs } from '../database/long-statements.ts';
import { connectionName, pendingMigrations } from '../database/migrator.ts';
import { NotifyingDialect } from '../database/notify.ts';
import { OutageLog } from '../database/outage-log.ts';
import { type NamingPool, preparing } from '../database/prepared-statements.ts';
import { replicaOrPrimary } from '../database/replica.ts';
import type { Schema } from '../database/schema.ts';
import { OutOfTime } from '../database/unavailable.ts';
import { maskPassword } from '../environment-reader.ts';
import { StartupError } from '../errors.ts';
import { type Clock, enableClockOverride, QUEUE_CONNECTIONS } from '../queue/index.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The database. Domain functions take it, or a transaction on it, as their first parameter. */
    db: Kysely<Schema>;
    /** For reads that may be slightly stale: the replica if there is one, otherwise `db`. Never written to. */
    readDb: Kysely<Schema>;
    /** The pool of `db`, for metrics. */
    pool: pg.Pool;
    /** For checking the database. A separate connection in processes with health checks, because all others may be busy. */
    reserved: Kysely<Schema>;
    /** For reporting errors for which `isUnavailable` holds. */
    outages: OutageLog;
  }
}

/** How long closing may take if the database does not respond. Work that still waits for it by then has timed out or is dropped. */
const CLOSING_MS = 1_000;

/** Provides `app.db`. Refuses to start if the database is unreachable or its schema is out of date. */
export default fp<{ clock?: Clock | undefined }>(
  async (app, { clock }) => {
    const { databaseUrl } = app.config;
    if (databaseUrl === undefined)
      throw new StartupError(2, 'DATABASE_URL: not set, and the application needs it');

    const pool = createPool(app, databaseUrl, { max: poolSize(app), clock });
    const withGate = createGates(app);
    const db = createDb(app, withGate(pool));
    const reserved =
      app.role === 'worker' ? db : createDb(app, createPool(app, databaseUrl, { max: 1, clock }));
    app.decorate('db', db);
    app.decorate('pool', pool);
    app.decorate('reserved', reserved);
    // Outside of the context of the request that noticed the outage, which has a deadline.
    const probe = () => app.work.exit(() => sql`select`.execute(reserved));
    app.decorate('outages', new OutageLog(app.log, probe));
    const replica = createReplica(app, { primary: pool, reserved });
    app.decorate('readDb', replica === undefined ? db : createDb(app, withGate(replica)));
    app.addHook('onClose', async () => {
      app.outages.close();
      const all = new Set([db, reserved, app.readDb]);
      const closed = Promise.all([...all].map((each) => each.destroy()));
      await Promise.race([closed, sleep(CLOSING_MS, undefined, { ref: false })]);
    });

    await assertSchemaIsCurrent(db, databaseUrl);
  },
  { name: 'db', dependencies: ['work'] },
);

/** Connections besides the pool's and the queue's: for LISTEN, for a web process's health checks, for a worker's heartbeats. */
const SEPARATE_CONNECTIONS = { web: 2, worker: 2, 'web-and-worker': 3, command: 1 };

function poolSize({ config, role }: FastifyInstance): number {
  return config.databasePoolMax - QUEUE_CONNECTIONS - SEPARATE_CONNECTIONS[role];
}

function createPool(
  app: FastifyInstance,
  url: string,
  { max, clock }: { max: number; clock?: Clock | undefined },
): pg.Pool {
  const { config, role } = app;
  const statements = role === 'command' ? 'any' : isPooled(config) ? 'pooled' : 'short';
  const pool = new pg.Pool({
    ...connectionTo(url, config.deadlines, { name: connectionName(role), statements }),
    max,
    min: 1, // It shows `npm run migrate` an idle process.
    onConnect: (client) => prepareSession(client, app, clock),
  });
  pool.on('error', () => {}); // The client's own listener has already logged it.
  return pool;
}

/** Returns a function that gates a pool. Each pool has its own circuit breaker, so that the replica serves without the primary. */
function createGates(app: FastifyInstance) {
  app.addHook('onResponse', ({ databaseUse }, _reply, done) => {
    databaseUse?.breaker?.end(databaseUse);
    done();
  });
  const currentUse = () => app.work.getStore()?.databaseUse;
  const isUrgent = () => app.work.getStore()?.isUrgent === true;
  const waitMs = app.config.deadlines.connectMs;
  return (pool: NamingPool): NamingPool =>
    gated(pool, {
      gate: new Gate(poolSize(app)),
      breaker: new CircuitBreaker(),
      currentUse,
      isUrgent,
      waitMs,
    });
}

function createDb(app: FastifyInstance, pool: NamingPool): Kysely<Schema> {
  return new Kysely<Schema>({
    dialect: new NotifyingDialect({
      pool: preparing(pool, { timeLeft: () => timeLeft(app), isPooled: isPooled(app.config) }),
    }),
    log: logSlowQueries(app),
  });
}

/** How long the current work may still wait for the database; undefined for jobs and long requests. */
function timeLeft({ work }: FastifyInstance): number | undefined {
  const deadline = work.getStore()?.databaseUse?.deadline;
  if (deadline === undefined) return longAnswerMs();
  const left = Math.ceil(deadline - performance.now());
  if (left <= 0) throw new OutOfTime();
  return left;
}

function createReplica(
  app: FastifyInstance,
  { primary, reserved }: { primary: pg.Pool; reserved: Kysely<Schema> },
): NamingPool | undefined {
  const { config, log } = app;
  if (config.databaseReplicaUrl === undefined) return undefined;
  return replicaOrPrimary({
    replica: createPool(app, config.databaseReplicaUrl, { max: poolSize(app) }),
    primary,
    async position() {
      const { rows } = await sql<{ lsn: string }>`select pg_current_wal_lsn() as lsn`.execute(reserved);
      return rows[0]?.lsn ?? '0/0';
    },
    onFallback: (err) => log.warn({ err }, 'reading from the primary instead of the replica'),
  });
}

/**
 * Workers commit without waiting for the disk. PostgreSQL writes its log in order, so a power cut loses at most the last moment's
 * claims and results, and those jobs run again. The mail ledger commits synchronously, which also flushes everything before it.
 * Behind a pooler, the setting would leak into other processes' transactions. See ADR 8.
 */
const COMMIT_ASYNCHRONOUSLY = 'set synchronous_commit = off';

async function prepareSession(
  client: pg.ClientBase,
  { config, role, outages }: FastifyInstance,
  clock: Clock | undefined,
): Promise<void> {
  // The pool only handles errors of idle clients. An unhandled error between two statements would end the process.
  client.on('error', (error) => outages.report(error));
  if (role === 'worker' && !isPooled(config)) await client.query(COMMIT_ASYNCHRONOUSLY);
  if (clock !== undefined) await client.query(enableClockOverride());
}

async function assertSchemaIsCurrent(db: Kysely<Schema>, databaseUrl: string): Promise<void> {
  let pending: string[];
  try {
    pending = await pendingMigrations(db);
  } catch (error) {
    throw databaseUnreachable(databaseUrl, error);
  }
  if (pending.length > 0) {
    throw new StartupError(
      2,
      `The database schema is out of date (pending: ${pending.join(', ')}). Run: npm run migrate`,
    );
  }
}

/** Logs slow queries with their SQL and their request or job, but without parameters. */
function logSlowQueries({ config, log, work }: FastifyInstance) {
  return ({ level, query, queryDurationMillis }: LogEvent): void => {
    if (level !== 'query' || queryDurationMillis < config.slowQueryMs) return;
    log.warn(
      { sql: query.sql, durationMs: Math.round(queryDurationMillis), work: work.getStore()?.label },
      'slow query',
    );
  };
}

/** The error for an unreachable database, in one line with the password masked. */
export function databaseUnreachable(databaseUrl: string, cause: unknown): StartupError {
  const reasons = cause instanceof AggregateError ? cause.errors : [cause];
  const reason = reasons.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
  return new StartupError(1, `Cannot use the database at ${maskPassword(databaseUrl)}: ${reason}`, { cause });
}
