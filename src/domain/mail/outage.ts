import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { mailQueue } from '../../queues.ts';

/** Shorter waits may be due to greylisting or a restart of the mail server. */
const PATIENCE = sql`interval '10 minutes'`;

/**
 * Finds since when mail has been waiting with none delivered; undefined if there is no outage. A single mail that a server
 * defers for days is not an outage: only mails enqueued since the last delivery count.
 */
export async function findMailOutage(db: Db): Promise<Date | undefined> {
  const { rows } = await sql<{ since: Date }>`
    select min(created_on) as since from pgboss.job
    where name = ${mailQueue.name} and state in ('created', 'retry', 'active')
      and created_on > coalesce((select max(sent_at) from mail_deliveries), '-infinity')
    having min(created_on) < now() - ${PATIENCE}
  `.execute(db);
  return rows[0]?.since;
}

/** Unsuccessful attempts at sending mail, without a delivery since. */
export interface MailFailures {
  readonly since: Date;
  /** How many mails, up to 2. */
  readonly mails: number;
  /** The newest error. */
  readonly words: string;
}

/** Finds failures since the last delivery of mail; undefined if there are none. */
export async function findMailFailures(db: Db): Promise<MailFailures | undefined> {
  const { rows } = await sql<MailFailures>`
    with failures as not materialized (
      select * from job_attempts
      where queue = ${mailQueue.name} and outcome in ('failed', 'timed out')
        and ended_at > coalesce((select max(sent_at) from mail_deliveries), '-infinity')
    )
    select ended_at as since, coalesce((select error from failures order by ended_at desc limit 1), '') as words,
      1 + (exists (select from failures other where other.job_id <> first.job_id))::int as mails
    from failures first order by ended_at limit 1
  `.execute(db);
  return rows[0];
}
