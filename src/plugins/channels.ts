import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type pg from 'pg';
import { connectionTo, directUrl } from '../database/connection.ts';
import { createClient } from '../database/hosts.ts';

declare module 'fastify' {
  interface FastifyInstance {
    channels: Channels;
  }
}

interface Listener {
  onMessage(payload: string): void;
  onGap(): void;
}

const HEARTBEAT_MS = 10_000;
const RECONNECT_MS = 1_000;

/** Provides `app.channels`. */
export default fp(
  async (app) => {
    app.decorate('channels', new Channels(app));
  },
  { name: 'channels', dependencies: ['db'] },
);

/** Receives PostgreSQL's NOTIFY on a connection for all channels, which is reopened when it is lost. */
class Channels {
  readonly #app: FastifyInstance;
  readonly #listeners = new Map<string, Listener>();
  /** Undefined while nobody listens. */
  #connection: Promise<Connection> | undefined;

  constructor(app: FastifyInstance) {
    this.#app = app;
  }

  /**
   * Listens until it is closed. A channel has one listener.
   *
   * @param listener.onGap called after the connection was reopened, because messages may have been missed
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
    const connection = await this.#connection;
    this.#connection = undefined;
    await connection?.close();
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
          this.#app.outages.report(error);
        }
      }
    }
  }

  async #connect(): Promise<pg.Client> {
    const { config, role, outages } = this.#app;
    const client = createClient(
      connectionTo(directUrl(config), config.deadlines, { name: `pennypost ${role} listener` }),
    );
    client.on('error', (error) => outages.report(error));
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

interface Connection {
  client: pg.Client;
  close(): Promise<void>;
}

async function listenOn(client: pg.Client, channel: string): Promise<void> {
  await client.query(`listen ${client.escapeIdentifier(channel)}`);
}

/** Resolves when the connection has ended, no longer responds, or is being closed. */
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
