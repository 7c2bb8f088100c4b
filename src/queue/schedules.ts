import { sql } from 'kysely';
import type { QueueContract, Schedule } from './contract.ts';
import { STATE } from './job-filter.ts';
import type { JobState } from './jobs.ts';
import { readClock } from './list-jobs.ts';
import type { Parts } from './options.ts';
import type { Queue } from './queue.ts';
import { nextTime, ruleOf } from './recurrence.ts';
import type { Db } from './tables.ts';

/** How often a worker looks for due schedules, in seconds. No job is later than this. */
export const SCHEDULE_SECONDS = 5;

/** A schedule of a queue. */
export interface ScheduleKey {
  readonly queue: string;
  readonly name: string;
}

/** A stored schedule. */
export interface ScheduleStatus extends ScheduleKey {
  /** In cron's format, or iCalendar's. */
  readonly rule: string;
  readonly timeZone: string;
  /** Null if its rule has ended. A past time is one that no worker has handled yet, or that passed while it was paused. */
  readonly nextAt: Date | null;
  readonly pausedAt: Date | null;
  /** Null if it never ran. The job is deleted after some days. */
  readonly lastJobId: string | null;
  /** When its last job was enqueued, and that job's state. Null without one, and after it was deleted. */
  readonly lastRun: Date | null;
  readonly lastState: JobState | null;
}

const NOW = sql<Date>`pgboss.job_now()`;
const IS_DUE = sql<boolean>`paused_at is null and next_at <= ${NOW}`;

/**
 * Stores the contracts' schedules and removes others. New and changed ones are due from now on; paused ones stay paused. Must
 * not run concurrently.
 *
 * @param timeZone for schedules that name none
 */
export async function synchroniseSchedules(
  db: Db,
  contracts: readonly QueueContract[],
  timeZone: string,
): Promise<void> {
  const now = await readClock(db);
  const wanted = contracts.flatMap(({ name: queue, schedules = [] }) =>
    schedules.map((schedule) => {
      const rule = ruleOf(schedule);
      const zone = schedule.timeZone ?? timeZone;
      const next_at = nextTime(rule, zone, now) ?? null;
      return { queue, name: schedule.name, rule, time_zone: zone, next_at };
    }),
  );
  await db.transaction().execute(async (trx) => {
    const keys = wanted.map(({ queue, name }) => `${queue}/${name}`);
    await trx
      .deleteFrom('job_schedules')
      .where(sql`queue || '/' || name`, 'not in', ['', ...keys])
      .execute();
    if (wanted.length === 0) return;
    await trx
      .insertInto('job_schedules')
      .values(wanted)
      .onConflict((conflict) =>
        conflict
          .columns(['queue', 'name'])
          .doUpdateSet(({ ref }) => ({
            rule: ref('excluded.rule'),
            time_zone: ref('excluded.time_zone'),
            next_at: ref('excluded.next_at'),
          }))
          .where(
            sql<boolean>`(job_schedules.rule, job_schedules.time_zone) <> (excluded.rule, excluded.time_zone)`,
          ),
      )
      .execute();
  });
}

/**
 * Enqueues the jobs of due schedules, each in the transaction that sets its next time, so that each is enqueued exactly once,
 * even if workers are killed or several do this at once. Times that passed without a worker are made up for by one job.
 *
 * @param contracts the known contracts; other schedules are left to workers of their release
 */
export async function runDueSchedules(
  { db, queue, logFailure }: Pick<Parts, 'db' | 'logFailure'> & { queue: Queue },
  contracts: readonly QueueContract[],
): Promise<void> {
  const due = await db
    .selectFrom('job_schedules')
    .select(['queue', 'name', 'rule', 'time_zone as timeZone', NOW.as('now')])
    .where(IS_DUE)
    .execute();
  for (const { rule, timeZone, now, ...key } of due) {
    const found = findSchedule(contracts, key);
    if (found === undefined) continue;
    try {
      const next_at = nextTime(rule, timeZone, now) ?? null;
      await db.transaction().execute(async (trx) => {
        const { numUpdatedRows } = await trx
          .updateTable('job_schedules')
          .set({ next_at })
          .where(isSchedule(key))
          .where(IS_DUE)
          .executeTakeFirst();
        // Otherwise another worker has enqueued it, or it was paused.
        if (numUpdatedRows > 0n) await enqueue({ db: trx, queue }, key, found);
      });
    } catch (error) {
      logFailure(error, { ...key }, 'could not run a schedule');
    }
  }
}

/**
 * Enqueues a schedule's job now. Its next time stays the same.
 *
 * @returns the job's id; undefined if its key is taken, so that it had no effect
 * @throws RangeError if there is no such schedule
 */
export async function runScheduleNow(
  { db, queue }: { db: Db; queue: Queue },
  contracts: readonly QueueContract[],
  key: ScheduleKey,
): Promise<string | undefined> {
  const found = findSchedule(contracts, key);
  if (found === undefined) throw new RangeError(`there is no schedule ${key.queue}/${key.name}`);
  return db.transaction().execute((trx) => enqueue({ db: trx, queue }, key, found));
}

/** Stops a schedule from enqueueing jobs until it is resumed. Waiting jobs still run. */
export async function pauseSchedule(db: Db, key: ScheduleKey): Promise<void> {
  await db
    .updateTable('job_schedules')
    .set({ paused_at: sql`coalesce(paused_at, ${NOW})` })
    .where(isSchedule(key))
    .execute();
}

/** Lets a schedule enqueue jobs again, from its next time on. Times that passed while it was paused are skipped. */
export async function resumeSchedule(db: Db, key: ScheduleKey): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const paused = await trx
      .selectFrom('job_schedules')
      .select(['rule', 'time_zone as timeZone', NOW.as('now')])
      .where(isSchedule(key))
      .where('paused_at', 'is not', null)
      .forUpdate()
      .executeTakeFirst();
    if (paused === undefined) return;
    const next_at = nextTime(paused.rule, paused.timeZone, paused.now) ?? null;
    await trx.updateTable('job_schedules').set({ paused_at: null, next_at }).where(isSchedule(key)).execute();
  });
}

/** Lists all schedules by queue and name. */
export async function listSchedules(db: Db): Promise<ScheduleStatus[]> {
  const { rows } = await sql<ScheduleStatus>`
    select queue, schedule.name, rule, time_zone as "timeZone", next_at as "nextAt", paused_at as "pausedAt",
      last_job_id as "lastJobId", created_on as "lastRun", ${STATE} as "lastState"
    from job_schedules as schedule left join pgboss.job on job.name = queue and job.id = last_job_id
    order by queue, schedule.name
  `.execute(db);
  return rows;
}

async function enqueue(
  { db, queue }: { db: Db; queue: Queue },
  key: ScheduleKey,
  { contract, schedule }: { contract: QueueContract; schedule: Schedule },
): Promise<string | undefined> {
  const id = await queue.send(contract, schedule.payload, { db });
  if (id === undefined) return undefined;
  await db.updateTable('job_schedules').set({ last_job_id: id }).where(isSchedule(key)).execute();
  return id;
}

function findSchedule(contracts: readonly QueueContract[], { queue, name }: ScheduleKey) {
  const contract = contracts.find((candidate) => candidate.name === queue);
  const schedule = contract?.schedules?.find((candidate) => candidate.name === name);
  return contract && schedule && { contract, schedule };
}

function isSchedule({ queue, name }: ScheduleKey) {
  return sql<boolean>`queue = ${queue} and name = ${name}`;
}
