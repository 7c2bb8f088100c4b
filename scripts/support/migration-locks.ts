import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../src/database/schema.ts';

/**
 * How long a migration waits for each lock. Whoever needs the same table waits behind it, so this is less than the
 * application's own deadline for locks; between two tries, they go first.
 */
export const LOCK_MS = 500;

/** For what waits for others without making anybody wait: building an index concurrently, and another run of the command. */
export const PATIENT_MS = 10 * 60_000;

/** Limits how long this session waits for a lock. */
export async function setLockTimeout(db: Kysely<Schema>, milliseconds: number): Promise<void> {
  await sql`set lock_timeout = ${sql.lit(milliseconds)}`.execute(db);
}

/** Runs what builds indexes concurrently, after dropping those that an earlier attempt has left unfinished. */
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
