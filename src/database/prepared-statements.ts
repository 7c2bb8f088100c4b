import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';

/** Runs before a statement is prepared, as in PostgreSQL's JDBC driver. */
const PREPARE_AFTER = 5;

/** Prepared statements per connection. The application has fewer. */
const MAX_PREPARED = 250;

/** A node-postgres connection, which prepares statements that have a name. */
export interface NamingClient extends PostgresPoolClient {
  query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(statement: { name: string; text: string; values: unknown[] }): Promise<PostgresQueryResult<R>>;
}

export interface NamingPool extends PostgresPool {
  connect(): Promise<NamingClient>;
}

/**
 * Wraps a pool so that its connections prepare statements they run often. PostgreSQL then parses and plans each only once.
 * Statements are identified by their text, so values should be parameters.
 */
export function preparing(pool: NamingPool): PostgresPool {
  const clients = new WeakMap<NamingClient, PostgresPoolClient>();
  return {
    options: pool.options,
    ...(pool.Client && { Client: pool.Client }),
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect();
      const known = clients.get(client) ?? new PreparingClient(client);
      clients.set(client, known);
      return known;
    },
  };
}

class PreparingClient implements PostgresPoolClient {
  readonly #client: NamingClient;
  readonly #runs = new Map<string, number>();
  readonly #names = new Map<string, string>();

  constructor(client: NamingClient) {
    this.#client = client;
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
    if (typeof query !== 'string') return this.#client.query(query);
    const name = this.#nameOf(query);
    if (name === undefined) return this.#client.query(query, parameters);
    return this.#client.query({ name, text: query, values: [...parameters] });
  }

  release(destroy?: boolean): void {
    this.#client.release(destroy);
  }

  #nameOf(sql: string): string | undefined {
    const name = this.#names.get(sql);
    if (name !== undefined || this.#names.size >= MAX_PREPARED || !isPreparable(sql)) return name;
    const runs = (this.#runs.get(sql) ?? 0) + 1;
    if (runs < PREPARE_AFTER) {
      if (this.#runs.size > MAX_PREPARED) this.#runs.clear();
      this.#runs.set(sql, runs);
      return undefined;
    }
    this.#runs.delete(sql);
    const given = `statement_${this.#names.size + 1}`;
    this.#names.set(sql, given);
    return given;
  }
}

/**
 * Only statements that read or change rows, and not `select *`: a prepared one would fail after a migration adds a column.
 */
function isPreparable(sql: string): boolean {
  return (
    /^\s*(?:select|insert|update|delete|with)\b/i.test(sql) && !/(?:\.|\bselect |\breturning )\*/i.test(sql)
  );
}
