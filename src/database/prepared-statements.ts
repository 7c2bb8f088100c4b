import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';

/** After so many runs a statement is worth preparing: as many as PostgreSQL's JDBC driver waits for. */
const PREPARE_AFTER = 5;

/** How many statements one connection keeps. The application's own are fewer. */
const MOST_PREPARED = 250;

/** A connection as node-postgres has it, which prepares a statement that comes with a name. */
export interface NamingClient extends PostgresPoolClient {
  query<R>(sql: string, parameters: ReadonlyArray<unknown>): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(statement: { name: string; text: string; values: unknown[] }): Promise<PostgresQueryResult<R>>;
}

export interface NamingPool extends PostgresPool {
  connect(): Promise<NamingClient>;
}

/**
 * A pool whose connections prepare the statements that they run often: PostgreSQL then parses and plans each of them
 * once rather than every time. What is told apart is the statement's text, so values belong into parameters.
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
    if (name !== undefined || this.#names.size >= MOST_PREPARED || !isPreparable(sql)) return name;
    const runs = (this.#runs.get(sql) ?? 0) + 1;
    if (runs < PREPARE_AFTER) {
      if (this.#runs.size > MOST_PREPARED) this.#runs.clear();
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
 * What reads or changes rows. A list of all columns (`select *`) is left alone: a migration that adds one would make
 * the prepared statement fail from then on.
 */
function isPreparable(sql: string): boolean {
  return (
    /^\s*(?:select|insert|update|delete|with)\b/i.test(sql) && !/(?:\.|\bselect |\breturning )\*/i.test(sql)
  );
}
