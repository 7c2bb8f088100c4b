import { sql } from 'kysely';
import type { Db } from '../../src/database/schema.ts';
import { waitFor } from './wait-for.ts';

/** Waits until a statement waits for another transaction's lock, in this database. */
export async function waitForLock(db: Db): Promise<void> {
  const waiting = sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
  `;
  await waitFor(async () => (await waiting.execute(db)).rows.length > 0, 'a statement that waits for a lock');
}
