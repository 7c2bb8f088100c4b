import { sql } from 'kysely';
import type { Db } from '../database/schema.ts';

/** What workers listen on: the payload is the name of a queue that has changed. */
export const WORKERS_CHANNEL = 'pennypost_jobs';

/** Wakes the workers of a queue when the transaction commits, so that they need not find out by polling. */
export async function wakeWorkers(db: Db, queue: string): Promise<void> {
  await sql`select pg_notify(${WORKERS_CHANNEL}, ${queue})`.execute(db);
}
