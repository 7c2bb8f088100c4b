import {
  CompiledQuery,
  type DatabaseConnection,
  PostgresDialect,
  type PostgresDialectConfig,
  PostgresDriver,
} from 'kysely';
import type { Db } from './schema.ts';

/** The messages of transactions that have not committed yet, by connection. */
const waiting = new WeakMap<DatabaseConnection, Message[]>();

interface Message {
  readonly channel: string;
  readonly payload: string;
}

/**
 * Sends payloads to a channel's listeners: after the transaction has committed, or at once without a transaction.
 *
 * A NOTIFY in the transaction would make its commit, including the disk flush, wait for every other commit that notifies:
 * PostgreSQL lets one through at a time (`PreCommit_Notify` in its async.c). A message is lost if the connection breaks right
 * after the commit, so listeners must also poll occasionally.
 */
export async function notify(db: Db, channel: string, payloads: readonly string[]): Promise<void> {
  const messages = payloads.map((payload) => ({ channel, payload }));
  if (!db.isTransaction) {
    await db.executeQuery(statement(messages));
    return;
  }
  await db.getExecutor().provideConnection(async (connection) => {
    waiting.set(connection, [...(waiting.get(connection) ?? []), ...messages]);
  });
}

/** PostgreSQL's dialect, with `notify` after commits. */
export class NotifyingDialect extends PostgresDialect {
  readonly #config: PostgresDialectConfig;

  constructor(config: PostgresDialectConfig) {
    super(config);
    this.#config = config;
  }

  override createDriver(): NotifyingDriver {
    return new NotifyingDriver(this.#config);
  }
}

class NotifyingDriver extends PostgresDriver {
  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    const messages = take(connection);
    await super.commitTransaction(connection);
    if (messages.length === 0) return;
    // The transaction has committed, even if this fails.
    await connection.executeQuery(statement(messages)).catch(() => {});
  }

  override async rollbackTransaction(
    connection: Parameters<PostgresDriver['rollbackTransaction']>[0],
  ): Promise<void> {
    take(connection);
    await super.rollbackTransaction(connection);
  }
}

function take(connection: DatabaseConnection): readonly Message[] {
  const messages = waiting.get(connection) ?? [];
  waiting.delete(connection);
  return messages;
}

/** Skips the disk flush, because there is nothing durable to write. */
function statement(messages: readonly Message[]): CompiledQuery {
  const parameters = [messages.map(({ channel }) => channel), messages.map(({ payload }) => payload)];
  return CompiledQuery.raw(
    `select pg_notify(channel, payload)
     from set_config('synchronous_commit', 'off', true), unnest($1::text[], $2::text[]) as message (channel, payload)`,
    parameters,
  );
}
