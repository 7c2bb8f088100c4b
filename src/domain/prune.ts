import { sql } from 'kysely';
import type { Db } from '../database/schema.ts';

/** How many rows one statement removes, so that none holds its locks for long. */
const BATCH = 10_000;

/**
 * What may go, and when. Jobs themselves are pg-boss's to remove, seven days after their end. The ledger must
 * outlive the four days that a mail is tried, and any redrive of a dead letter after that; a change of email its mail
 * and the three days in which the mail's link undoes the change. An account that nobody has confirmed goes when it has
 * not been used for a week, unless somebody wrote something with it.
 */
const EXPIRED: Readonly<Record<string, string>> = {
  sessions: 'expires_at < now()',
  mailed_tokens: 'expires_at < now()',
  api_tokens: 'expires_at < now()',
  rate_limits: 'expire < extract(epoch from now()) * 1000',
  idempotency_keys: `created_at < now() - interval '24 hours'`,
  known_browsers: `last_used_at < now() - interval '1 year'`,
  password_resets: `created_at < now() - interval '5 days'`,
  email_changes: `created_at < now() - interval '8 days'`,
  mail_deliveries: `sent_at < now() - interval '180 days'`,
  digests: `week < now() - interval '60 days'`,
  data_exports: `ended_at < now() - interval '7 days'`,
  job_attempts: `started_at < now() - interval '14 days'`,
  workers: `seen_at < now() - interval '1 day'`,
  security_events: `created_at < now() - interval '180 days'`,
  job_audit_log: `at < now() - interval '400 days'`,
  users: `confirmed_at is null and last_seen_at < now() - interval '7 days'
    and post_count + comment_count = 0 and role = 'User'`,
};

/**
 * Removes what has expired, in batches.
 *
 * @param options.signal stops it between two batches
 * @returns how many rows went, by table
 */
export async function prune(
  db: Db,
  { signal }: { signal: AbortSignal },
): Promise<Readonly<Record<string, number>>> {
  await failAbandonedExports(db);
  const removed: Record<string, number> = {};
  for (const [table, condition] of Object.entries(EXPIRED)) {
    removed[table] = await pruneTable(db, { table, condition, signal });
  }
  return removed;
}

/** An export whose job was given up would stand in the way of the next one for ever. */
async function failAbandonedExports(db: Db): Promise<void> {
  await sql`
    update data_exports set state = 'failed', ended_at = now()
    where state in ('waiting', 'running') and not exists (
      select from pgboss.job
      where name = 'exports' and state in ('created', 'retry', 'active')
        and data ->> 'exportId' = data_exports.id::text
    )
  `.execute(db);
}

async function pruneTable(
  db: Db,
  { table, condition, signal }: { table: string; condition: string; signal: AbortSignal },
): Promise<number> {
  for (let total = 0; ; ) {
    signal.throwIfAborted();
    const { numAffectedRows = 0n } = await sql`
      delete from ${sql.table(table)}
      where ctid = any(array(select ctid from ${sql.table(table)} where ${sql.raw(condition)} limit ${BATCH}))
    `.execute(db, { signal });
    total += Number(numAffectedRows);
    if (numAffectedRows < BATCH) return total;
  }
}
