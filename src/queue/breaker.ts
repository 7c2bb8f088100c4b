import { sql } from 'kysely';
import type { Db } from './tables.ts';

/** How long a queue waits before one of its jobs is tried. Doubles with each refusal. */
const FIRST_SECONDS = 2;
const MAX_SECONDS = 15 * 60;

/** The longest wait that a service can request. Some request a day and mean less. */
const MAX_REQUESTED_SECONDS = 60 * 60;

/** A queue whose jobs wait because the service that they need has asked them to. */
export interface OpenBreaker {
  readonly queue: string;
  readonly openedAt: Date;
  /** The service's response. */
  readonly reason: string;
  /** When the next job is tried. */
  readonly probeAt: Date;
  readonly isProbing: boolean;
}

/** Lists the queues that wait. */
export async function listOpenBreakers(db: Db): Promise<OpenBreaker[]> {
  const { rows } = await sql<OpenBreaker>`
    select queue, opened_at as "openedAt", reason, probe_at as "probeAt", probe_job is not null as "isProbing"
    from queue_breakers order by queue
  `.execute(db);
  return rows;
}

/**
 * Makes a queue wait, because a service has refused one of its jobs and would refuse the others. If the queue is waiting already,
 * only a refused probe prolongs that.
 *
 * @param refusal.seconds the wait that the service requests, if it does
 */
export async function openBreaker(
  trx: Db,
  queue: string,
  { jobId, reason, seconds }: { jobId: string; reason: string; seconds: number | undefined },
): Promise<void> {
  const asked = seconds === undefined ? null : Math.min(Math.max(1, seconds), MAX_REQUESTED_SECONDS);
  await sql`
    insert into queue_breakers as breaker (queue, reason, probe_at)
    values (${queue}, ${reason}, ${after(sql`coalesce(${asked}::float, ${FIRST_SECONDS})`)})
    on conflict (queue) do update set reason = excluded.reason, probe_job = null, probes = breaker.probes + 1,
      probe_at = ${after(sql`coalesce(${asked}::float, least(${FIRST_SECONDS} * 2.0 ^ least(breaker.probes + 1, 20), ${MAX_SECONDS}))`)}
      where breaker.probe_job = ${jobId}
  `.execute(trx);
}

/**
 * Locks a queue's breaker until the end of the transaction.
 *
 * @returns the seconds until a job may be tried; undefined if the queue no longer waits
 */
export async function lockBreaker(trx: Db, queue: string): Promise<number | undefined> {
  const { rows } = await sql<{ seconds: number }>`
    select greatest(0, extract(epoch from probe_at - pgboss.job_now()))::float as seconds
    from queue_breakers where queue = ${queue} for update
  `.execute(trx);
  return rows[0]?.seconds;
}

/** Records which job is being tried. If it does not end within `seconds`, as when its worker is killed, another one is tried. */
export async function startProbe(
  trx: Db,
  queue: string,
  { jobId, seconds }: { jobId: string; seconds: number },
): Promise<void> {
  await sql`
    update queue_breakers set probe_job = ${jobId}, probe_at = ${after(sql`${seconds}::float`)} where queue = ${queue}
  `.execute(trx);
}

/** Lets a queue continue after its probe was not refused. */
export async function closeBreaker(db: Db, queue: string, jobId: string): Promise<void> {
  await db.deleteFrom('queue_breakers').where('queue', '=', queue).where('probe_job', '=', jobId).execute();
}

/** Lets another job be tried at once: instead of one that did not get as far as the service, or because an Operator asks for it. */
export async function probeNow(db: Db, queue: string, jobId?: string): Promise<void> {
  await sql`
    update queue_breakers set probe_at = pgboss.job_now(), probe_job = null
    where queue = ${queue} and ${jobId === undefined ? sql`true` : sql`probe_job = ${jobId}`}
  `.execute(db);
}

function after(seconds: ReturnType<typeof sql>) {
  return sql`pgboss.job_now() + make_interval(secs => ${seconds})`;
}
