import type { PostgresQueryResult } from 'kysely';
import pg from 'pg';
import type { NamingClient, NamingPool, Statement } from './prepared-statements.ts';
import { isUnavailable } from './unavailable.ts';

/** How long reads go to the primary after the replica has failed. */
const RETRY_MS = 5_000;

/** How far the replica may lag behind, and how often that is checked. As long as a visitor's page may be cached. */
const MAX_LAG_MS = 2_000;

interface Options {
  readonly replica: pg.Pool;
  readonly primary: NamingPool;
  /** The primary's current write-ahead log position. */
  position(): Promise<string>;
  /** Called with the reason when reads go to the primary for a while. */
  onFallback(reason: unknown): void;
}

/**
 * A pool that reads from the replica, or from the primary while the replica is down or behind. If the replica is lost, the
 * failed statement runs again on the primary, so the pool is only for reads outside of transactions.
 */
export function replicaOrPrimary({ replica, primary, position, onFallback }: Options): NamingPool {
  const readers = new WeakMap<NamingClient, NamingClient>();
  let usePrimaryUntil = -Infinity;
  let isBehind = false;
  let reached: string | undefined;

  const fallBack = (error: unknown) => {
    usePrimaryUntil = performance.now() + RETRY_MS;
    onFallback(error);
  };
  const checkLag = async () => {
    const wasBehind = isBehind;
    isBehind = reached !== undefined && (await hasNotReplayed(replica, reached));
    if (isBehind && !wasBehind) onFallback(new Error(`it is more than ${MAX_LAG_MS} ms behind`));
    // While the primary is down, the lag is unknown.
    reached = await position().catch(() => undefined);
  };
  const checking = setInterval(() => void checkLag(), MAX_LAG_MS).unref();

  return {
    options: replica.options,
    end() {
      clearInterval(checking);
      return replica.end();
    },
    async connect() {
      if (isBehind || performance.now() < usePrimaryUntil) {
        try {
          return await primary.connect();
        } catch {
          // An old page is better than none.
        }
      }
      try {
        const client: NamingClient = await replica.connect();
        const reader = readers.get(client) ?? new Reader(client, primary, fallBack);
        readers.set(client, reader);
        return reader;
      } catch (error) {
        fallBack(error);
        return primary.connect();
      }
    },
  };
}

/** A replica that does not respond here also fails when it is used. One that was promoted is not behind. */
async function hasNotReplayed(replica: pg.Pool, position: string): Promise<boolean> {
  const text = 'select pg_last_wal_replay_lsn() < $1::pg_lsn as "isBehind"';
  const statement = { text, values: [position], query_timeout: MAX_LAG_MS };
  const { rows } = await replica.query(statement).catch(() => ({ rows: [] }));
  return rows[0]?.isBehind ?? false;
}

/** A connection to the replica whose statements run on the primary if it is lost. */
class Reader implements NamingClient {
  readonly #client: NamingClient;
  readonly #primary: NamingPool;
  readonly #onLoss: (error: unknown) => void;
  #isLost = false;

  constructor(client: NamingClient, primary: NamingPool, onLoss: (error: unknown) => void) {
    this.#client = client;
    this.#primary = primary;
    this.#onLoss = onLoss;
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#isLost);
  }

  async query<R>(statement: Statement): Promise<PostgresQueryResult<R>> {
    const startedAt = performance.now();
    const left = statement.query_timeout;
    // The other half of the time is left for the primary.
    const first = left === undefined ? statement : { ...statement, query_timeout: Math.ceil(left / 2) };
    try {
      if (!this.#isLost) return await this.#client.query(first);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#isLost = !(error instanceof pg.DatabaseError);
      this.#onLoss(error);
    }
    const rest = left && Math.max(1, Math.ceil(left - (performance.now() - startedAt)));
    return readFrom(this.#primary, { ...statement, query_timeout: rest });
  }
}

async function readFrom<R>(pool: NamingPool, statement: Statement): Promise<PostgresQueryResult<R>> {
  const client = await pool.connect();
  let isLost = true;
  try {
    const result = await client.query<R>(statement);
    isLost = false;
    return result;
  } catch (error) {
    isLost = !(error instanceof pg.DatabaseError);
    throw error;
  } finally {
    client.release(isLost);
  }
}
