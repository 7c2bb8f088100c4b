import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { digestQueue, pruneQueue } from '../../src/queues.ts';

/** How old a row becomes before it counts as expired. */
const LIFETIME = `interval '2 minutes'`;

/**
 * Lets months pass for rows of more than two minutes, so that what is kept for days or months comes to an end within the
 * run. Rows that are new stay: `prune`, a job of the application, deletes the others.
 */
const AGEING: readonly string[] = [
  `update sessions set expires_at = now() where created_at < now() - ${LIFETIME} and not is_remembered`,
  `update sessions set verified_at = now() where is_remembered`,
  `update mailed_tokens set expires_at = now() where created_at < now() - ${LIFETIME} and expires_at > now()`,
  `update known_browsers set last_used_at = now() - interval '2 years' where created_at < now() - ${LIFETIME}`,
  `update password_resets set created_at = now() - interval '9 days' where created_at < now() - ${LIFETIME}`,
  `update mail_deliveries set sent_at = now() - interval '1 year' where sent_at < now() - ${LIFETIME}`,
  `update data_exports set ended_at = now() - interval '8 days' where ended_at < now() - ${LIFETIME}`,
  `update idempotency_keys set created_at = now() - interval '2 days' where created_at < now() - ${LIFETIME}`,
  `update job_attempts set started_at = now() - interval '15 days' where started_at < now() - ${LIFETIME}`,
  // pg-boss deletes jobs after a week.
  `delete from pgboss.job where completed_on < now() - ${LIFETIME}`,
  `delete from pgboss.job where name like '%.dead' and created_on < now() - ${LIFETIME}`,
  // The application deletes accounts only if they were never confirmed.
  `delete from users where username like 'soak%' and created_at < now() - ${LIFETIME}`,
  // A digest is sent once a week.
  `delete from digests`,
];

/** Makes rows old, and starts what a worker does every hour and every week. */
export async function passTime({ db, queue }: FastifyInstance): Promise<void> {
  for (const statement of AGEING) await sql.raw(statement).execute(db);
  await queue.send(pruneQueue, {}, { db });
  await queue.send(digestQueue, {}, { db });
}
