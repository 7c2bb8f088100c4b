import { sql } from 'kysely';
import type { Db } from './tables.ts';

/** The channel that workers listen to. The payload is the name of a queue with new jobs. */
export const WORKERS_CHANNEL = 'queue_jobs';

export type Notify = (db: Db, channel: string, payloads: readonly string[]) => Promise<void>;

/** Sends payloads to a channel's listeners: when the transaction commits, or at once without a transaction. */
export const notifyWithCommit: Notify = async (db, channel, payloads) => {
  await sql`select pg_notify(${channel}, payload) from unnest(${[...payloads]}::text[]) as payload`.execute(
    db,
  );
};
