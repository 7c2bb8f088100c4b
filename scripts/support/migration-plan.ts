import { type Kysely, sql, type Transaction } from 'kysely';
import { addressOf, createClient } from '../../src/database/hosts.ts';
import type { Schema } from '../../src/database/schema.ts';
import { installedQueueSchema, isOld, QUEUE_SCHEMA, queueMigration } from '../../src/queue/index.ts';
import { type MigrateOptions, type Report, type Step, TRIES, withMigrations } from './migrate.ts';
import { LOCK_MS } from './migration-locks.ts';
import { olderProcesses } from './older-processes.ts';

/** How long the trial run may hold its locks. */
const TRIAL_MS = 1_000;

/** The effects of locks on other transactions. Other kinds of locks block no reads or writes. */
const EFFECTS: Record<string, string> = {
  AccessExclusiveLock: 'reads and writes wait',
  ExclusiveLock: 'writes wait',
  ShareRowExclusiveLock: 'writes wait',
  ShareLock: 'writes wait',
};

/** A step that `npm run migrate` would take. */
interface Trial {
  readonly name: string;
  readonly kind: Step['kind'];
  /** Undefined if it builds indexes outside of a transaction, which cannot be rolled back. */
  readonly run: ((trx: Transaction<Schema>) => Promise<unknown>) | undefined;
}

/**
 * Reports which migrations are pending, and what would have to wait for them. Runs them in a transaction that is rolled back, with
 * the same lock timeout, for at most a second.
 */
export async function planMigrations(
  databaseUrl: string,
  report: Report,
  { folder }: MigrateOptions = {},
): Promise<void> {
  await withMigrations(databaseUrl, folder, async ({ db, steps }) => {
    const trials: Trial[] = steps
      .filter(({ executedAt }) => executedAt === undefined)
      .map(({ name, kind, isTransactional, up }) => ({
        name,
        kind,
        run: isTransactional === false ? undefined : (trx) => up(trx),
      }));
    const installed = await installedQueueSchema(db);
    if (isOld(installed)) {
      const name = `the queue's schema, version ${installed} to ${QUEUE_SCHEMA}`;
      trials.push({ name, kind: 'expand', run: (trx) => sql.raw(queueMigration(installed)).execute(trx) });
    }
    if (trials.length === 0) {
      report('Nothing is pending.');
      return;
    }
    const effects = await tryAll(db, databaseUrl, trials);
    for (const [index, { name, kind }] of trials.entries()) {
      const older = kind === 'contract' ? await olderProcesses(db, name) : [];
      const held = older.length > 0 ? `; only after these have ended: ${older.join(', ')}` : '';
      report(`pending   ${name}  ${kind}: ${effects[index]}${held}`);
    }
    report(`Each waits at most ${LOCK_MS} ms for a lock and lets others go first, up to ${TRIES} times.`);
  });
}

/** Returns each step's effects on other transactions. */
async function tryAll(db: Kysely<Schema>, databaseUrl: string, trials: readonly Trial[]): Promise<string[]> {
  const tables = await existingTables(db);
  const trx = await db.startTransaction().execute();
  const deadline = await cancelLate(trx, databaseUrl);
  const effects: string[] = [];
  const seen = new Set<string>();
  let failure: string | undefined;
  for (const { run } of trials) {
    if (run === undefined) effects.push('builds indexes outside a transaction, and nothing waits');
    else if (failure !== undefined) effects.push(failure);
    else {
      try {
        await run(trx);
        effects.push(await newLocks(trx, tables, seen));
      } catch (error) {
        effects.push(`the trial failed: ${error instanceof Error ? error.message : String(error)}`);
        failure = 'not tried, because the one before failed';
      }
    }
  }
  deadline.clear();
  await trx.rollback().execute();
  return effects;
}

/** Cancels the trial after its timeout. */
async function cancelLate(trx: Transaction<Schema>, databaseUrl: string): Promise<{ clear(): void }> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
  const cancel = async () => {
    const other = createClient({ ...addressOf(databaseUrl), connectionTimeoutMillis: LOCK_MS });
    other.on('error', () => {}); // The query fails too.
    await other.connect();
    await other.query('select pg_cancel_backend($1)', [rows[0]?.pid]);
    await other.end();
  };
  // If the database is gone, so is the trial.
  const timer = setTimeout(() => cancel().catch(() => {}), TRIAL_MS);
  return { clear: () => clearTimeout(timer) };
}

async function existingTables(db: Kysely<Schema>): Promise<number[]> {
  const { rows } = await sql<{ oid: number }>`select oid from pg_class where relkind in ('r', 'p')`.execute(
    db,
  );
  return rows.map(({ oid }) => oid);
}

/** The effects of the new locks on other transactions. */
async function newLocks(
  trx: Transaction<Schema>,
  tables: readonly number[],
  seen: Set<string>,
): Promise<string> {
  const { rows } = await sql<{ table: string; mode: string }>`
    select distinct relation::regclass::text as table, mode
    from pg_locks where pid = pg_backend_pid() and relation = any(${tables}::oid[]) order by 1, 2
  `.execute(trx);
  const effects = rows
    .filter(({ mode }) => mode in EFFECTS)
    .map(({ table, mode }) => `${table}: ${EFFECTS[mode]} (${mode})`)
    .filter((effect) => !seen.has(effect));
  const nothing = seen.size === 0 ? 'nothing waits' : 'no other locks'; // It keeps the locks of the steps before.
  for (const effect of effects) seen.add(effect);
  return effects.length === 0 ? nothing : effects.join(', ');
}
