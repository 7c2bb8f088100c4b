import { notify } from '../database/notify.ts';
import type { Db } from './tables.ts';

/** The channel that workers listen on. The payload is the name of a queue with new jobs. */
export const WORKERS_CHANNEL = 'pennypost_jobs';

/** Wakes a queue's workers when the transaction commits, so that jobs do not wait for the next poll. */
export async function wakeWorkers(db: Db, queue: string): Promise<void> {
  await notify(db, WORKERS_CHANNEL, [queue]);
}
