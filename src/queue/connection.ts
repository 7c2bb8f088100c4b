import type pg from 'pg';
import type { ConstructorOptions } from 'pg-boss';

/** What the queue connects for itself: pg-boss's work in the background, whose statements may take long; heartbeats; LISTEN. */
export type ConnectionUse = 'background' | 'heartbeat' | 'listener';

/**
 * The database's URL; or a module that exports `connectionTo(settings, use)`, which returns node-postgres's options. A module,
 * because a thread connects too: functions cannot be passed to it, and settings can.
 */
export type Connection = string | { readonly module: string; readonly settings: object };

/** Options of node-postgres, and the class of clients to use instead of its own. */
export type ConnectionOptions = pg.PoolConfig &
  Pick<ConstructorOptions, keyof ConstructorOptions & keyof pg.PoolConfig> & {
    readonly Client?: typeof pg.Client;
  };

/** How long the database may take to connect and to answer, in milliseconds, unless a module says otherwise. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 10_000;

export async function connectionTo(connection: Connection, use: ConnectionUse): Promise<ConnectionOptions> {
  if (typeof connection !== 'string') {
    const module: { connectionTo(settings: object, use: ConnectionUse): ConnectionOptions } = await import(
      connection.module
    );
    return module.connectionTo(connection.settings, use);
  }
  return {
    connectionString: connection,
    application_name: `queue ${use}`,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  };
}
