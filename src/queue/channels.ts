import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ConnectionOptions } from './connection.ts';

export interface Listener {
  onMessage(payload: string): void;
  /** Called after the connection was reopened, because messages may have been missed. */
  onGap(): void;
}

const HEARTBEAT_MS = 10_000;
const RECONNECT_MS = 1_000;

/** Receives PostgreSQL's NOTIFY for all channels on one connection, which is reopened when it is lost. */
export class Channels {
  readonly #options: Options;
  readonly #listeners = new Map<string, Listener>();
  /** Undefined while nobody listens. */
  #connection: Promise<Connection> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Listens until the result is closed. A channel has one listener. If there is no connection yet, it is tried again every
   * second, and `onGap` is called when it succeeds.
   */
  async listen(channel: string, listener: Listener): Promise<{ close(): Promise<void> }> {
    this.#listeners.set(channel, listener);
    this.#connection ??= this.#open();
    const { client } = await this.#connection;
    if (client !== undefined) await listenOn(client, channel).catch(this.#options.onError);
    return { close: () => this.#close(channel) };
  }

  async #close(channel: string): Promise<void> {
    this.#listeners.delete(channel);
    if (this.#listeners.size > 0) return;
    const connection = this.#connection;
    this.#connection = undefined; // Before it is closed, so that the next listener opens another.
    await (await connection)?.close();
  }

  async #open(): Promise<Connection> {
    const closing = new AbortController();
    const connection: Connection = { client: await this.#tryToConnect(), close: async () => {} };
    const listening = this.#keepListening(connection, closing.signal);
    connection.close = async () => {
      closing.abort();
      await listening;
    };
    return connection;
  }

  async #keepListening(connection: Connection, closing: AbortSignal): Promise<void> {
    for (;;) {
      if (connection.client !== undefined) await untilLost(connection.client, closing);
      await connection.client?.end().catch(() => {});
      await sleep(RECONNECT_MS, undefined, { signal: closing }).catch(() => {});
      if (closing.aborted) return;
      connection.client = await this.#tryToConnect();
      if (connection.client !== undefined) for (const { onGap } of this.#listeners.values()) onGap();
    }
  }

  /** Connects and listens on all channels. Undefined if that fails, which it reports. */
  async #tryToConnect(): Promise<pg.Client | undefined> {
    const { connection, onError } = this.#options;
    const { Client = pg.Client, ...options } = await connection();
    const client = new Client(options);
    client.on('error', onError);
    client.on('notification', ({ channel, payload = '' }) =>
      this.#listeners.get(channel)?.onMessage(payload),
    );
    try {
      await client.connect();
      for (const channel of this.#listeners.keys()) await listenOn(client, channel);
      return client;
    } catch (error) {
      onError(error);
      await client.end().catch(() => {});
      return undefined;
    }
  }
}

interface Options {
  /** The options of the connection. */
  connection(): Promise<ConnectionOptions>;
  /** Called when the connection is lost or cannot be made, or a channel cannot be listened on. It is tried again. */
  onError(error: unknown): void;
}

interface Connection {
  /** Undefined while there is none. */
  client: pg.Client | undefined;
  close(): Promise<void>;
}

async function listenOn(client: pg.Client, channel: string): Promise<void> {
  await client.query(`listen ${client.escapeIdentifier(channel)}`);
}

/** Resolves when the connection has ended, has stopped responding, or is being closed. */
async function untilLost(client: pg.Client, closing: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, closing]);
  client.once('end', () => ended.abort());
  try {
    for (;;) {
      await sleep(HEARTBEAT_MS, undefined, { signal });
      await client.query('select');
    }
  } catch {
    // Aborted, or the heartbeat failed.
  }
}
