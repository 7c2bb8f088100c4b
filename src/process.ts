import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { connectionTo, directUrl } from './database/connection.ts';
import { createClient } from './database/hosts.ts';
import { isUnavailable } from './database/unavailable.ts';
import { databaseUnreachable } from './plugins/db.ts';
import type { JobDefinition } from './queue/index.ts';

/** How long to wait for a database that is still starting, how often to try, and how often to say so. */
const WAIT_MS = 60_000;
const RETRY_MS = 500;
const REPORT_MS = 10_000;

/**
 * Waits until the database accepts connections. Says so on stderr. Ends the process if its parent process ends.
 *
 * @throws StartupError if it does not within a minute, or at once if waiting does not help
 */
export async function waitForDatabase(config: Config): Promise<void> {
  // A pooler accepts connections even if the database is away.
  const databaseUrl = directUrl(config);
  const startedAt = Date.now();
  let reportAt = startedAt;
  const orphaned = () => process.exit(1);
  process.once('disconnect', orphaned);
  try {
    for (;;) {
      const error = await tryToConnect(databaseUrl, config.deadlines);
      if (error === undefined) return;
      const failure = databaseUnreachable(databaseUrl, error);
      const now = Date.now();
      if (!isUnavailable(error) || now - startedAt > WAIT_MS) throw failure;
      if (now >= reportAt) {
        const seconds = Math.round((WAIT_MS - now + startedAt) / 1000);
        process.stderr.write(`${failure.message}. Waiting for it for up to ${seconds} s.\n`);
        reportAt = now + REPORT_MS;
      }
      await sleep(RETRY_MS);
    }
  } finally {
    process.off('disconnect', orphaned);
  }
}

/** Returns why the database does not accept a connection; undefined if it does. */
async function tryToConnect(databaseUrl: string, deadlines: Config['deadlines']): Promise<unknown> {
  const client = createClient(connectionTo(databaseUrl, deadlines, { name: 'pennypost start' }));
  client.on('error', () => {}); // It may be lost before it is closed.
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Readies the app. If that fails, closes it, so that the process can end. */
export async function readyOrClose(app: FastifyInstance): Promise<void> {
  try {
    await app.ready();
  } catch (error) {
    await app.close();
    throw error;
  }
}

/**
 * Begins to work the queues. If that fails, closes the app, which would otherwise stay and work nothing.
 *
 * @param options.concurrency concurrent jobs, across all queues
 * @throws StartupError
 */
export async function workOrClose(
  app: FastifyInstance,
  jobs: readonly JobDefinition[],
  options: { concurrency: number },
): Promise<void> {
  try {
    await app.queue.work(jobs, options);
  } catch (error) {
    await app.close();
    throw databaseUnreachable(app.config.databaseUrl ?? '', error);
  }
}

/** How long closing may take after the grace period of requests and jobs. */
const CLOSING_SECONDS = 5;

/**
 * Drains and closes the app, which ends the process, on SIGTERM, SIGINT, an uncaught error or the end of the parent process.
 * A second signal ends it at once, with exit code 1. Call this before the app takes any work, because an earlier signal would
 * interrupt it.
 */
export function closeOnSignal(app: FastifyInstance): void {
  const { shutdownDrainSeconds, shutdownGraceSeconds } = app.config;
  const delay = (shutdownDrainSeconds + shutdownGraceSeconds + CLOSING_SECONDS) * 1000;
  // `beforeExit` is skipped because a failed start ends by itself, with its own exit code.
  const stopping = closeWithGrace(
    { delay, logger: app.log, skip: ['beforeExit'] },
    async ({ signal, err }) => {
      if (err) app.log.fatal({ err }, 'stopping after an uncaught error');
      else app.log.info({ signal }, 'stopping');
      if (!err) await app.drain.begin();
      await app.close();
      app.log.info('stopped');
    },
  );
  process.once('disconnect', () => stopping.close());
  process.channel?.unref(); // Listening must not keep a failed start alive.
}

/** Tells the parent process, if there is one, that this one is ready. */
export function reportReady(): void {
  process.send?.('ready');
}
