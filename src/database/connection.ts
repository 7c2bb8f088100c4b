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
  /** For the response to a statement. After that, the connection is presumed dead and closed. */
  readonly answerMs: number;
  /** Between two statements of a transaction. PostgreSQL ends the connection, which frees the locks of a frozen process. */
  readonly idleInTransactionMs: number;
  /** For a request's whole use of the database: a reading request's, and any other's. */
  readonly readMs: number;
  readonly requestMs: number;
}

/** For statements that take long by design, such as deleting many rows. Less than the default grace period of a process. */
export const LONG_MS = 15_000;

/** An idle connection is probed after this time, then every second. Node gives it up after ten failed probes. */
const KEEPALIVE_MS = 5_000;

/** How long the server may take to close a connection that we have ended. */
const ENDING_MS = 1_000;

/** The database's URLs. */
interface Addresses {
  readonly databaseUrl: string | undefined;
  readonly databaseDirectUrl: string | undefined;
}

/** The URL for work that needs its own session: LISTEN, advisory locks, session settings, and long statements. */
export function directUrl({ databaseUrl = '', databaseDirectUrl = databaseUrl }: Addresses): string {
  return databaseDirectUrl;
}

/** Whether the application's other connections go through a pooler, where each transaction may get another session. */
export function isPooled({ databaseDirectUrl }: Addresses): boolean {
  return databaseDirectUrl !== undefined;
}

/**
 * Options for a connection that cannot hang; see `Deadlines`.
 *
 * @param options.name for `pg_stat_activity`
 * @param options.statements `long` for background work; `any` for commands, whose statements may take as long as they need;
 *   `pooled` for a pooler, which does not pass on PostgreSQL's timeouts but sets its own
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

/** A socket that closes soon after we have ended it, even if the server is gone and never responds. */
function openSocket(): Socket {
  const socket = new Socket();
  socket.once('finish', () => setTimeout(() => socket.destroy(), ENDING_MS).unref());
  return socket;
}
