import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Config, loadConfig } from '../src/config.ts';
import { directUrl } from '../src/database/connection.ts';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { type HeldDatabase, holdDatabase } from './support/embedded-postgres.ts';
import { migrateToLatest } from './support/migrate.ts';
import { NODE_ARGUMENTS } from './support/node-arguments.ts';
import { SupervisedProcess } from './support/supervisor.ts';

const ROOT = join(import.meta.dirname, '..');

/** How long to wait for an external database that is still starting. */
const DATABASE_WAIT_MS = 15_000;

/** How long a process may take to close, after the grace period of its requests and jobs, before it is killed. */
const CLOSING_MS = 10_000;

/** Where a debugger finds a process with `--inspect`. Node's default is 9229. */
const INSPECTED_AT = { web: 9229, worker: 9230 };

/**
 * `npm start`: runs the whole system on this machine, and restarts a process that dies. With `--inspect`, a debugger can attach
 * to the web process at port 9229 and to the worker at 9230.
 */
await runMain(async () => {
  const { values } = parseArgs({ options: { inspect: { type: 'boolean', default: false } } });
  const config = loadConfig();
  const stopped = stopRequested();

  const database = config.databaseUrl === undefined ? await holdDatabase(config.dataDir) : undefined;
  try {
    const databaseUrl = database?.url ?? config.databaseUrl ?? '';
    await migrateWhenReachable(database?.url ?? directUrl(config), config.siteTimeZone);
    await runProcesses(config, { databaseUrl, ...values }, [stopped, lossOf(database)]);
  } finally {
    await database?.stop();
  }
  say('Stopped.');
});

/** Settles at the first Ctrl-C or SIGTERM. Later ones are ignored, because stopping has a deadline. */
function stopRequested(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
  return promise;
}

async function migrateWhenReachable(databaseUrl: string, timeZone: string): Promise<void> {
  const deadline = Date.now() + DATABASE_WAIT_MS;
  for (;;) {
    try {
      return await migrateToLatest(databaseUrl, () => {}, { timeZone });
    } catch (error) {
      if (!isUnreachable(error) || Date.now() > deadline) throw error;
      say(`${error.message}. Trying again.`);
      await sleep(1000);
    }
  }
}

function isUnreachable(error: unknown): error is StartupError {
  return error instanceof StartupError && error.exitCode === 1;
}

/** Runs the web and worker processes until a reason to stop, or until one of them cannot be kept running. */
async function runProcesses(
  config: Config,
  { databaseUrl, inspect }: { databaseUrl: string; inspect: boolean },
  reasons: readonly Promise<void>[],
): Promise<void> {
  const supervise = (name: keyof typeof INSPECTED_AT, script: string) =>
    new SupervisedProcess(
      {
        name,
        args: [
          ...(inspect ? [`--inspect=${INSPECTED_AT[name]}`] : []),
          ...NODE_ARGUMENTS,
          join(ROOT, script),
        ],
        env: { ...process.env, DATABASE_URL: databaseUrl },
      },
      say,
    );
  const processes = [supervise('web', 'src/server.ts'), supervise('worker', 'src/worker.ts')];

  const ends = [...reasons, ...processes.map(({ failed }) => failed)];
  try {
    const isUp = await Promise.race([Promise.all(processes.map(({ ready }) => ready)), ...ends]);
    if (isUp !== undefined) announce(config);
    await Promise.race(ends);
  } finally {
    const timeoutMs = config.shutdownGraceSeconds * 1000 + CLOSING_MS;
    await Promise.all(processes.map((each) => each.stop(timeoutMs)));
  }
}

async function lossOf(database: HeldDatabase | undefined): Promise<void> {
  if (database === undefined) return new Promise(() => {});
  await database.lost;
  throw new StartupError(1, 'The embedded PostgreSQL stopped unexpectedly. Start again to recover.');
}

function announce(config: Config): void {
  const site = config.port === 0 ? 'see the log for its port' : config.baseUrl;
  const email = config.smtpUrl === undefined ? `${site}/dev/mailbox` : 'sent through SMTP_URL';
  say(`Pennypost is ready: ${site}\nEmail: ${email}`); // In one write, so that no log line comes between.
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
