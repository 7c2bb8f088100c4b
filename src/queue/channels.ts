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
   * Listens until the result is closed. A channel has one listener.
   *
   * @throws if the first connection fails
   */
  async listen(channel: string, listener: Listener): Promise<{ close(): Promise<void> }> {
    this.#listeners.set(channel, listener);
    try {
      if (this.#connection === undefined) this.#connection = this.#open();
      else await listenOn((await this.#connection).client, channel);
      await this.#connection;
    } catch (error) {
      this.#listeners.delete(channel);
      if (this.#listeners.size === 0) this.#connection = undefined;
      throw error;
    }
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
    const connection = { client: await this.#connect(), close: async () => {} };
    const listening = this.#keepListening(connection, closing.signal);
    connection.close = async () => {
      closing.abort();
      await listening;
      await connection.client.end().catch(() => {});
    };
    return connection;
  }

  async #keepListening(connection: Connection, closing: AbortSignal): Promise<void> {
    while (!closing.aborted) {
      await untilLost(connection.client, closing);
      await connection.client.end().catch(() => {});
      while (!closing.aborted) {
        await sleep(RECONNECT_MS, undefined, { signal: closing }).catch(() => {});
        if (closing.aborted) return;
        try {
          connection.client = await this.#connect();
          for (const { onGap } of this.#listeners.values()) onGap();
          break;
        } catch (error) {
          this.#options.onError(error);
        }
      }
    }
  }

  async #connect(): Promise<pg.Client> {
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
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    return client;
  }
}

interface Options {
  /** The options of the connection. */
  connection(): Promise<ConnectionOptions>;
  /** Called when the connection is lost or cannot be made, before it is tried again. */
  onError(error: unknown): void;
}

interface Connection {
  client: pg.Client;
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
