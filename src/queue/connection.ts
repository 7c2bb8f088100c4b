import type pg from 'pg';
import type { ConstructorOptions } from 'pg-boss';

/** The queue's own connections: for pg-boss's background work, whose statements may take long; for heartbeats; for LISTEN. */
export type ConnectionUse = 'background' | 'heartbeat' | 'listener';

/**
 * The database's URL, or a module that exports `connectionTo(settings, use)`, which returns node-postgres's options. It is a
 * module because a thread connects too, and functions cannot be passed to threads.
 */
export type Connection = string | { readonly module: string; readonly settings: object };

/** node-postgres's options, with a class of clients to use instead of its own. */
export type ConnectionOptions = pg.PoolConfig &
  Pick<ConstructorOptions, keyof ConstructorOptions & keyof pg.PoolConfig> & {
    readonly Client?: typeof pg.Client;
  };

/** How long the database may take to connect and to respond, in milliseconds, unless a module sets it. */
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
