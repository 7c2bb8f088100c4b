import { hash } from 'node:crypto';
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import pg from 'pg';
import { OutOfTime } from './unavailable.ts';

/** How often a statement runs before it is prepared; the same as in PostgreSQL's JDBC driver. */
const PREPARE_AFTER = 5;

/** Prepared statements per connection. The application uses fewer. */
const MAX_PREPARED = 250;

/** A node-postgres connection. It prepares statements that have a name. */
export interface NamingClient {
  readonly processID?: number;
  query<R>(statement: Statement): Promise<PostgresQueryResult<R>>;
  release(destroy?: boolean): void;
}

/** A statement that may be prepared. */
export interface Statement {
  readonly text: string;
  readonly values: unknown[];
  /** Prepares it under this name. */
  readonly name?: string | undefined;
  /** How long the answer may take, in milliseconds; undefined for the connection's default. */
  readonly query_timeout?: number | undefined;
}

/**
 * Returns how long the current work may still wait for the database, in milliseconds; undefined without a deadline.
 *
 * @throws OutOfTime after the deadline
 */
type TimeLeft = () => number | undefined;

/** A pool of such connections. */
export interface NamingPool {
  readonly options: object;
  connect(): Promise<NamingClient>;
  end(): Promise<void>;
}

/**
 * Wraps a pool so that its connections prepare frequent statements. PostgreSQL then parses and plans each only once.
 * Statements are identified by their text, so values should be parameters. A connection that did not respond in time is
 * closed.
 *
 * @param options.isPooled whether a pooler may give each transaction another session, so that nothing can be prepared
 */
export function preparing(
  pool: NamingPool,
  { timeLeft, isPooled }: { timeLeft: TimeLeft; isPooled: boolean },
): PostgresPool {
  const clients = new WeakMap<NamingClient, PostgresPoolClient>();
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const left = timeLeft();
      const client = await (left === undefined ? pool.connect() : connectWithin(pool, left));
      const known = clients.get(client) ?? new PreparingClient(client, timeLeft, isPooled ? 0 : MAX_PREPARED);
      clients.set(client, known);
      return known;
    },
  };
}

/** Waits for a connection until a timeout. One that arrives later goes back to the pool. */
async function connectWithin(pool: NamingPool, ms: number): Promise<NamingClient> {
  const connecting = pool.connect();
  const { promise: over, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    connecting.then(
      (client) => client.release(),
      () => {}, // Nobody is waiting for it any more.
    );
    reject(new OutOfTime());
  }, ms);
  try {
    return await Promise.race([connecting, over]);
  } finally {
    clearTimeout(timer);
  }
}

class PreparingClient implements PostgresPoolClient {
  readonly #client: NamingClient;
  readonly #timeLeft: TimeLeft;
  readonly #maxPrepared: number;
  #loss: Error | undefined;
  readonly #runs = new Map<string, number>();
  readonly #names = new Map<string, string>();

  constructor(client: NamingClient, timeLeft: TimeLeft, maxPrepared: number) {
    this.#client = client;
    this.#timeLeft = timeLeft;
    this.#maxPrepared = maxPrepared;
  }

  get processID(): number {
    return this.#client.processID ?? 0;
  }

  query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(
    query: string | PostgresCursor<R>,
    parameters: ReadonlyArray<unknown> = [],
  ): Promise<PostgresQueryResult<R>> | PostgresCursor<R> {
    if (typeof query !== 'string') throw new TypeError('cursors are not supported');
    return this.#run(query, parameters);
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#loss !== undefined);
  }

  async #run<R>(text: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>> {
    // A late response would be taken for the next statement's, so no statement may follow, not even a rollback.
    if (this.#loss !== undefined) throw this.#loss;
    const statement = {
      text,
      values: [...parameters],
      name: this.#nameOf(text),
      query_timeout: this.#timeLeft(),
    };
    try {
      return await this.#client.query(statement);
    } catch (error) {
      if (!(error instanceof pg.DatabaseError))
        this.#loss = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  #nameOf(sql: string): string | undefined {
    const name = this.#names.get(sql);
    if (name !== undefined || this.#names.size >= this.#maxPrepared || !isPreparable(sql)) return name;
    const runs = (this.#runs.get(sql) ?? 0) + 1;
    if (runs < PREPARE_AFTER) {
      if (this.#runs.size > MAX_PREPARED) this.#runs.clear();
      this.#runs.set(sql, runs);
      return undefined;
    }
    this.#runs.delete(sql);
    // Derived from the text, because the wrappers of the replica and the primary may share a connection.
    const newName = `statement_${hash('sha1', sql)}`;
    this.#names.set(sql, newName);
    return newName;
  }
}

/**
 * Prepares only statements that read or change rows, and return no `*`: a prepared one would fail after a migration adds a
 * column. An insert returns only what follows `returning`.
 */
function isPreparable(sql: string): boolean {
  const returned = sql.replace(/^\s*insert\b.*?(?=\breturning\b|$)/is, '');
  return (
    /^\s*(?:select|insert|update|delete|with)\b/i.test(sql) &&
    !/(?:\.|\bselect |\breturning )\*/i.test(returned)
  );
}
