import { type Kysely, type RawBuilder, sql } from 'kysely';
import { withLongStatements } from '../database/long-statements.ts';
import type { Schema } from '../database/schema.ts';

/** Rows per statement, to hold locks only briefly. */
const BATCH_SIZE = 10_000;

/** An image takes hundreds of kilobytes. */
const IMAGE_BATCH_SIZE = 100;

/**
 * The rows to delete, by table. pg-boss itself deletes jobs, seven days after they end. The ledger must outlive the four days
 * for which a mail is retried, and a later redrive of its dead letter. A change of email must outlive its two mails, each
 * retried for four days, and the three days in which it can be undone; an export must outlive its link. An image that no post
 * shows may be in a draft. An unconfirmed account is deleted after a week without use, unless it wrote something or waits for
 * a moderator; an unconfirmed subscription is deleted when its link expires.
 */
const EXPIRED: Readonly<Record<string, string>> = {
  sessions: 'expires_at < now()',
  mailed_tokens: 'expires_at < now()',
  api_tokens: 'expires_at < now()',
  rate_limits: 'expire < extract(epoch from now()) * 1000',
  idempotency_keys: `created_at < now() - interval '24 hours'`,
  known_browsers: `last_used_at < now() - interval '1 year'`,
  password_resets: `created_at < now() - interval '8 days'`,
  email_changes: `coalesce(completed_at, created_at) < now() - interval '8 days'`,
  mail_deliveries: `sent_at < now() - interval '180 days'`,
  subscriptions: `confirmed_at is null and asked_at < now() - interval '7 days'`,
  post_mailings: `created_at < now() - interval '60 days'`,
  notifications: `created_at < now() - interval '90 days'`,
  digests: `week < now() - interval '60 days'`,
  data_exports: `ended_at < now() - interval '7 days'
    and not exists (select from mailed_tokens where export_id = data_exports.id)`,
  data_imports: `ended_at < now() - interval '7 days'`,
  picture_uploads: `created_at < now() - interval '1 day'`,
  images: `unused_since < now() - interval '30 days'
    and not exists (select from post_images where image_id = images.id)`,
  job_attempts: `started_at < now() - interval '14 days'`,
  job_rates: 'greatest(full_at, line_until, bulk_line_until) < extract(epoch from now())',
  job_history: `at < now() - case step_seconds when 60 then 2 when 900 then 30 else 360 end * interval '1 hour'`,
  job_batches: `ended_at < now() - interval '30 days'`,
  job_reports: `updated_at < now() - interval '8 days'`,
  workers: `seen_at < now() - interval '1 day'`,
  security_events: `created_at < now() - interval '180 days'`,
  job_audit_log: `at < now() - interval '400 days'`,
  users: `confirmed_at is null and last_seen_at < now() - interval '7 days'
    and post_count + comment_count = 0 and role = 'User' and not exists (
      select from applications where user_id = users.id and confirmed_at is not null and declined_at is null)`,
};

/**
 * Deletes expired rows in batches.
 *
 * @param options.signal stops between two batches
 * @returns the number of deleted rows, by table
 */
export async function prune(
  db: Kysely<Schema>,
  { signal }: { signal: AbortSignal },
): Promise<Readonly<Record<string, number>>> {
  await failAbandoned(db);
  const removed: Record<string, number> = {};
  for (const [table, condition] of Object.entries(EXPIRED)) {
    removed[table] = await pruneTable(db, { table, condition, signal });
  }
  return removed;
}

/** Marks exports and imports as failed if their job is gone. Otherwise they would block the next one forever. */
async function failAbandoned(db: Kysely<Schema>): Promise<void> {
  const ended = sql`state = 'failed', ended_at = now()`;
  const isAbandoned = (queue: string, id: RawBuilder<unknown>, key: string) => sql`
    state in ('waiting', 'running') and not exists (
      select from pgboss.job
      where name = ${queue} and state in ('created', 'retry', 'active') and data ->> ${key} = ${id}::text
    )
  `;
  const failures = [
    sql`update data_exports set ${ended} where ${isAbandoned('exports', sql`data_exports.id`, 'exportId')}`,
    sql`
      update data_imports set ${ended}, upload = null, fault = 'Something went wrong on our side. Please try again.'
      where ${isAbandoned('imports', sql`data_imports.id`, 'importId')}
    `,
  ];
  for (const fail of failures) await withLongStatements(db, (trx) => fail.execute(trx));
}

async function pruneTable(
  db: Kysely<Schema>,
  { table, condition, signal }: { table: string; condition: string; signal: AbortSignal },
): Promise<number> {
  const limit = table === 'images' ? IMAGE_BATCH_SIZE : BATCH_SIZE;
  for (let total = 0; ; ) {
    const batch = sql`
      delete from ${sql.table(table)}
      where ctid = any(array(select ctid from ${sql.table(table)} where ${sql.raw(condition)} limit ${limit}))
    `;
    const { numAffectedRows = 0n } = await withLongStatements(db, (trx) => batch.execute(trx, { signal }));
    total += Number(numAffectedRows);
    if (numAffectedRows < limit) return total;
  }
}
