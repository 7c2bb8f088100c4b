import { setTimeout as sleep } from 'node:timers/promises';
import closeWithGrace from 'close-with-grace';
import type { FastifyInstance } from 'fastify';
import type { Config } from './config.ts';
import { connectionTo, directUrl } from './database/connection.ts';
import { createClient } from './database/hosts.ts';
import { isUnavailable } from './database/unavailable.ts';
import { databaseUnreachable } from './plugins/db.ts';
import type { JobDefinition } from './queue/index.ts';

/** How long to wait for a database that is still starting, how often to try, and how often to report the wait. */
const WAIT_MS = 60_000;
const RETRY_MS = 500;
const REPORT_MS = 10_000;

/**
 * Waits until the database accepts connections, reporting on stderr. Exits if the parent process ends.
 *
 * @throws StartupError after a minute, or at once if waiting cannot help
 */
export async function waitForDatabase(config: Config): Promise<void> {
  // A pooler accepts connections even while the database is down.
  const databaseUrl = directUrl(config);
  const startedAt = Date.now();
  let reportAt = startedAt;
  const exitWithParent = () => process.exit(1);
  process.once('disconnect', exitWithParent);
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
    process.off('disconnect', exitWithParent);
  }
}

/** Returns the error of connecting to the database; undefined if it accepts the connection. */
async function tryToConnect(databaseUrl: string, deadlines: Config['deadlines']): Promise<unknown> {
  const client = createClient(connectionTo(databaseUrl, deadlines, { name: 'pennypost start' }));
  client.on('error', () => {}); // The connection may be lost before it is closed.
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Readies the app, or closes it if that fails, so that the process can exit. */
export async function readyOrClose(app: FastifyInstance): Promise<void> {
  try {
    await app.ready();
  } catch (error) {
    await app.close();
    throw error;
  }
}

/**
 * Starts working the queues, or closes the app if that fails: it would keep running without doing any work.
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
 * On SIGTERM, SIGINT, an uncaught error or the end of the parent process, drains and closes the app, which ends the process. A
 * second signal exits at once with code 1. Call this before the app takes any work, or a signal would interrupt it.
 */
export function closeOnSignal(app: FastifyInstance): void {
  const { shutdownDrainSeconds, shutdownGraceSeconds } = app.config;
  const delay = (shutdownDrainSeconds + shutdownGraceSeconds + CLOSING_SECONDS) * 1000;
  // Without `beforeExit`, because a failed start exits by itself with its own code.
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
  process.channel?.unref(); // The listener must not keep a failed start alive.
}

/** Tells the parent process, if there is one, that this one is ready. */
export function reportReady(): void {
  process.send?.('ready');
}
