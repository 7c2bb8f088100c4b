import { Socket } from 'node:net';
import type { PoolConfig } from 'pg';
import { addressOf } from './hosts.ts';

/** How long the database may take, in milliseconds. */
export interface Deadlines {
  /** For a connection: a free one of the pool, or a new one. */
  readonly connectMs: number;
  /** For a lock that another transaction holds. */
  readonly lockMs: number;
  /** For a statement. PostgreSQL cancels it, and the connection remains usable. */
  readonly statementMs: number;
  /** For the answer to a statement. After that, the connection is presumed dead and closed. */
  readonly answerMs: number;
  /** Between two statements of a transaction. PostgreSQL ends the connection, which frees the locks of a frozen process. */
  readonly idleInTransactionMs: number;
  /** For everything that a request waits for: one that only reads, and any other. */
  readonly readMs: number;
  readonly requestMs: number;
}

/** For statements that are meant to take long, such as deleting many rows; less than the grace period of a process that stops. */
export const LONG_MS = 15_000;

/** An idle connection is checked after this time, then every second; Node takes it for dead after ten checks. */
const KEEPALIVE_MS = 5_000;

/** How long the other side may take to close a connection that we have ended. */
const ENDING_MS = 1_000;

/** Where the database is. */
interface Addresses {
  readonly databaseUrl: string | undefined;
  readonly databaseDirectUrl: string | undefined;
}

/** The URL for what needs a session of its own: LISTEN, advisory locks, settings of a session, and long statements. */
export function directUrl({ databaseUrl = '', databaseDirectUrl = databaseUrl }: Addresses): string {
  return databaseDirectUrl;
}

/** Whether the application's other connections lead through a pooler, which gives each transaction another session. */
export function isPooled({ databaseDirectUrl }: Addresses): boolean {
  return databaseDirectUrl !== undefined;
}

/**
 * Options of a connection that cannot hang: see `Deadlines`.
 *
 * @param options.name for `pg_stat_activity`
 * @param options.statements `long` for background work, `any` for commands, whose statements may take as long as they need,
 *   `pooled` for a pooler, which does not pass PostgreSQL's bounds on and has them in its own configuration
 */
export function connectionTo(
  url: string,
  deadlines: Deadlines,
  { name, statements = 'short' }: { name: string; statements?: 'short' | 'long' | 'any' | 'pooled' },
) {
  const { connectMs, lockMs, statementMs, answerMs, idleInTransactionMs } = deadlines;
  const isLong = statements === 'long';
  return {
    ...addressOf(url),
    application_name: name,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_MS,
    stream: openSocket,
    ...(statements !== 'any' && { query_timeout: isLong ? LONG_MS : answerMs }),
    ...((statements === 'short' || isLong) && {
      lock_timeout: lockMs,
      statement_timeout: isLong ? LONG_MS : statementMs,
      idle_in_transaction_session_timeout: idleInTransactionMs,
    }),
  } satisfies PoolConfig;
}

/** A socket that closes soon after we have ended it, even if the other side is gone and never answers. */
function openSocket(): Socket {
  const socket = new Socket();
  socket.once('finish', () => setTimeout(() => socket.destroy(), ENDING_MS).unref());
  return socket;
}
