import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../src/database/schema.ts';

/**
 * How long a migration waits for each lock. Whoever needs the same table queues behind it, so this is shorter than the
 * application's own lock timeout. Between two tries, they go first.
 */
export const LOCK_MS = 500;

/** The timeout for waits that block nobody: for building an index concurrently, and for another run of the command. */
export const PATIENT_MS = 10 * 60_000;

/** Limits how long this session waits for a lock. */
export async function setLockTimeout(db: Kysely<Schema>, milliseconds: number): Promise<void> {
  await sql`set lock_timeout = ${sql.lit(milliseconds)}`.execute(db);
}

/** Runs a concurrent build of indexes, after dropping those that an earlier attempt left unfinished. */
export async function buildIndexes<Result>(
  db: Kysely<Schema>,
  build: () => Promise<Result>,
): Promise<Result> {
  await setLockTimeout(db, PATIENT_MS);
  try {
    const { rows } = await sql<{ name: string }>`
      select indexrelid::regclass::text as name
      from pg_index join pg_class on pg_class.oid = indexrelid
      where not indisvalid and relkind = 'i' and relnamespace <> 'pg_toast'::regnamespace
    `.execute(db);
    for (const { name } of rows) await sql`drop index concurrently ${sql.raw(name)}`.execute(db);
    return await build();
  } finally {
    await setLockTimeout(db, LOCK_MS);
  }
}
