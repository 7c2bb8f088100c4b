import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import pRetry from 'p-retry';
import pg from 'pg';
import { queueContracts } from '../../src/all-queues.ts';
import { addressOf } from '../../src/database/hosts.ts';
import { appliedMigrations, loadMigrations, type SchemaMigration } from '../../src/database/migrator.ts';
import type { Schema } from '../../src/database/schema.ts';
import { StartupError } from '../../src/errors.ts';
import { databaseUnreachable } from '../../src/plugins/db.ts';
import { migrateQueue } from '../../src/queue/index.ts';
import { buildIndexes, LOCK_MS, PATIENT_MS, setLockTimeout } from './migration-locks.ts';
import { olderProcesses } from './older-processes.ts';

/** Called with each line of progress. */
export type Report = (line: string) => void;

export interface MigrateOptions {
  /** The folder of the migrations. Default `migrations/`. */
  readonly folder?: string;
  /** How many times to try to get a migration's locks. */
  readonly tries?: number;
  /** For schedules that name none. Default UTC. */
  readonly timeZone?: string;
}

/** The context of a run. Its only connection holds the lock that makes other runs wait. */
export interface Migrations {
  readonly db: Kysely<Schema>;
  readonly migrator: Migrator;
  /** Oldest first. */
  readonly steps: readonly Step[];
}

export interface Step extends SchemaMigration {
  readonly name: string;
  /** Undefined if it is pending. */
  readonly executedAt: Date | undefined;
}

/** An arbitrary number that no other lock in this database uses. */
const MIGRATION_LOCK = 7_366_997;

/** How many times a migration tries to get its locks, and how long it lets others go first in between. */
export const TRIES = 60;
const PAUSE_MS = 1_000;

/**
 * Updates the application's and the queue's tables to the newest schema, each migration in a separate transaction.
 * Concurrent runs wait for each other. A contract step, and what follows it, waits for a later run while processes of older
 * releases are connected.
 *
 * @throws StartupError naming the failed migration; those before it remain
 */
export async function migrateToLatest(
  databaseUrl: string,
  report: Report,
  { folder, tries = TRIES, timeZone = 'UTC' }: MigrateOptions = {},
): Promise<void> {
  await withMigrations(databaseUrl, folder, async (migrations) => {
    const { db, steps } = migrations;
    if (await isFromNewerRelease(migrations)) {
      report('A newer release has updated the schema. Nothing was changed.');
      return;
    }
    const pending = steps.filter(({ executedAt }) => executedAt === undefined);
    const held = await applyInOrder(migrations, pending, { report, tries });
    await withRetries("The queue's schema", { report, tries }, () =>
      migrateQueue(db, {
        connection: addressOf(databaseUrl),
        contracts: queueContracts,
        report,
        timeZone,
        buildIndexes: (build) => buildIndexes(db, build),
      }),
    );
    const applied = pending.length - held.length;
    const state = held.length === 0 ? 'The schema is current' : 'The schema is ready for this release';
    report(applied === 0 ? `${state}.` : `${state}: ${applied} applied.`);
  });
}

/** Whether the database has all migrations that this release knows, and more. */
async function isFromNewerRelease({ db, steps }: Migrations): Promise<boolean> {
  const applied = await appliedMigrations(db);
  return applied.size > steps.length && steps.every(({ name }) => applied.has(name));
}

/** Applies migrations. Returns those that wait for a later run. */
async function applyInOrder(
  migrations: Migrations,
  pending: readonly Step[],
  options: { report: Report; tries: number },
): Promise<readonly Step[]> {
  for (const [index, step] of pending.entries()) {
    const older = step.kind === 'contract' ? await olderProcesses(migrations.db, step.name) : [];
    if (older.length > 0) {
      const held = pending.slice(index);
      holdBack(held, older, options.report);
      return held;
    }
    await withRetries(`Migration ${step.name}`, options, () => apply(migrations, step));
    options.report(`applied   ${step.name}`);
  }
  return [];
}

/**
 * Reports which migrations wait for which processes.
 *
 * @throws StartupError if this release cannot start without one of them
 */
function holdBack(held: readonly Step[], older: readonly string[], report: Report): void {
  for (const { name } of held) report(`waits     ${name}`);
  report(`${held[0]?.name} removes what older releases use, and they are running: ${older.join(', ')}.`);
  if (held.some(({ kind }) => kind === 'expand')) {
    throw new StartupError(
      1,
      'Update them to the release before this one, or stop them. Then run this again.',
    );
  }
  report('When they have been replaced, run this again.');
}

async function apply({ db, migrator }: Migrations, { name, isTransactional = true }: Step): Promise<void> {
  const run = () => migrator.migrateTo(name, { disableTransactions: !isTransactional });
  const { error } = isTransactional ? await run() : await buildIndexes(db, run);
  if (error !== undefined) throw error;
}

/**
 * Tries again while a lock is taken.
 *
 * @throws StartupError that says what failed
 */
async function withRetries(
  what: string,
  { report, tries }: { report: Report; tries: number },
  run: () => Promise<void>,
): Promise<void> {
  try {
    await pRetry(run, {
      retries: tries - 1,
      minTimeout: PAUSE_MS,
      factor: 1,
      shouldRetry: ({ error }) => isAboutLocks(error),
      onFailedAttempt({ error, attemptNumber }) {
        if (isAboutLocks(error) && attemptNumber % 10 === 1)
          report(`${what} needs a lock that is taken (try ${attemptNumber} of ${tries}).`);
      },
    });
  } catch (error) {
    throw failure(what, error);
  }
}

function failure(what: string, error: unknown): StartupError {
  const reason = error instanceof Error ? error.message : String(error);
  const hint = isAboutLocks(error) ? '. Is a backup or another long transaction running?' : '';
  return new StartupError(1, `${what} failed: ${reason}${hint}`, { cause: error });
}

/** Whether a lock was not available in time, or there was a deadlock. */
function isAboutLocks(error: unknown): boolean {
  return error instanceof pg.DatabaseError && ['55P03', '40P01'].includes(error.code ?? '');
}

/** Reverts the newest applied migration. Does not change the queue's tables. */
export async function migrateDown(databaseUrl: string, report: Report): Promise<void> {
  await withMigrations(databaseUrl, undefined, async ({ migrator, steps }) => {
    const newest = steps.findLast(({ executedAt }) => executedAt !== undefined);
    const { error, results = [] } = await migrator.migrateDown({
      disableTransactions: newest?.isTransactional === false,
    });
    if (error !== undefined) throw failure(`Reverting ${newest?.name}`, error);
    report(results.length === 0 ? 'There is nothing to revert.' : `reverted  ${results[0]?.migrationName}`);
  });
}

/** Lists all migrations, applied and pending, oldest first. */
export async function listMigrations(databaseUrl: string, report: Report): Promise<void> {
  await withMigrations(databaseUrl, undefined, async ({ steps }) => {
    for (const { name, executedAt } of steps) {
      report(
        executedAt === undefined ? `pending   ${name}` : `applied   ${name}  ${executedAt.toISOString()}`,
      );
    }
  });
}

/** Runs a command with the migrations, while no other run is active. */
export async function withMigrations(
  databaseUrl: string,
  folder: string | undefined,
  use: (migrations: Migrations) => Promise<void>,
): Promise<void> {
  const loaded = await loadMigrations(folder);
  const pool = createPool(databaseUrl);
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => loaded } });
  try {
    await waitForOtherRuns(db);
    await setLockTimeout(db, LOCK_MS);
    const known = (await migrator.getMigrations()).map(({ name, executedAt }) => [name, executedAt] as const);
    const executed = new Map(known);
    const steps = Object.entries(loaded).map(([name, migration]) => ({
      ...migration,
      name,
      executedAt: executed.get(name),
    }));
    await use({ db, migrator, steps });
  } catch (error) {
    throw error instanceof StartupError ? error : databaseUnreachable(databaseUrl, error);
  } finally {
    await db.destroy();
  }
}

/** A pool of one session, because it has the lock and settings. If it is lost, the next statement fails. */
function createPool(databaseUrl: string): pg.Pool {
  let isLost = false;
  const lose = () => {
    isLost = true;
  };
  const pool = new pg.Pool({
    ...addressOf(databaseUrl),
    application_name: 'pennypost migrate',
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: 5_000,
    async onConnect(client) {
      if (isLost) throw new Error('the session of the run was lost');
      client.on('error', lose);
    },
  });
  pool.on('error', lose);
  return pool;
}

/** Polls for the lock, because a statement that waits for it would block another run that builds an index concurrently. */
async function waitForOtherRuns(db: Kysely<Schema>): Promise<void> {
  const lock = async () => {
    const { rows } = await sql<{ isMine: boolean }>`
      select pg_try_advisory_lock(${sql.lit(MIGRATION_LOCK)}) as "isMine"
    `.execute(db);
    if (!rows[0]?.isMine) throw new StartupError(1, 'Another npm run migrate is still running.');
  };
  await pRetry(lock, {
    retries: PATIENT_MS / PAUSE_MS,
    minTimeout: PAUSE_MS / 4,
    factor: 1,
    shouldRetry: ({ error }) => error instanceof StartupError,
  });
}
