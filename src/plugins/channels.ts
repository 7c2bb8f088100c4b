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

/** Receives PostgreSQL's NOTIFY on a separate connection, which is reopened when it is lost. */
export interface Channels {
  /**
   * Listens until it is closed.
   *
   * @param listener.onGap called after the connection was reopened, because messages may have been missed
   * @throws if the first connection fails
   */
  listen(channel: string, listener: Listener): Promise<{ close(): Promise<void> }>;
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
    app.decorate('channels', { listen: (channel, listener) => listen(app, channel, listener) });
  },
  { name: 'channels', dependencies: ['db'] },
);

async function listen(app: FastifyInstance, channel: string, listener: Listener) {
  const closing = new AbortController();
  let client = await connect(app, channel, listener);

  const keepListening = async () => {
    while (!closing.signal.aborted) {
      await untilLost(client, closing.signal);
      await client.end().catch(() => {});
      while (!closing.signal.aborted) {
        await sleep(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => {});
        if (closing.signal.aborted) return;
        try {
          client = await connect(app, channel, listener);
          listener.onGap();
          break;
        } catch (error) {
          app.outages.report(error);
        }
      }
    }
  };
  const listening = keepListening();
  return {
    async close() {
      closing.abort();
      await listening;
      await client.end().catch(() => {});
    },
  };
}

async function connect({ config, role, outages }: FastifyInstance, channel: string, { onMessage }: Listener) {
  const client = createClient(
    connectionTo(directUrl(config), config.deadlines, { name: `pennypost ${role} listener` }),
  );
  client.on('error', (error) => outages.report(error));
  client.on('notification', ({ payload = '' }) => onMessage(payload));
  try {
    await client.connect();
    await client.query(`listen ${client.escapeIdentifier(channel)}`);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
  return client;
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
