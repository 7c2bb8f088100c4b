import { sql } from 'kysely';
import type { Db } from './tables.ts';

/** The channel that workers listen on. The payload is the name of a queue with new jobs. */
export const WORKERS_CHANNEL = 'queue_jobs';

export type Notify = (db: Db, channel: string, payloads: readonly string[]) => Promise<void>;

/** Sends payloads to those who listen on a channel: when the transaction commits, or now if there is none. */
export const notifyWithCommit: Notify = async (db, channel, payloads) => {
  await sql`select pg_notify(${channel}, payload) from unnest(${[...payloads]}::text[]) as payload`.execute(
    db,
  );
};
