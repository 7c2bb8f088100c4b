import { fromKysely, type PgBoss } from 'pg-boss';
import type { Db } from '../database/schema.ts';
import type { JobFilter, JobState } from './jobs.ts';
import { findJobIds, startNow, takeBackDeadLetters } from './jobs-table.ts';

export type JobAction = 'retry' | 'cancel' | 'run' | 'delete' | 'redrive';

/** To which jobs each action can be done. A job that is being worked can be cancelled, and then deleted. */
const APPLIES_TO: Record<JobAction, readonly JobState[]> = {
  retry: ['failed'],
  cancel: ['ready', 'deferred', 'active'],
  run: ['deferred'],
  delete: ['ready', 'deferred', 'completed', 'failed', 'cancelled'],
  redrive: ['ready', 'deferred'],
};

/** How many jobs one transaction takes. */
const BATCH = 1_000;

/** A queue's numbers at one time, for charts. Counters are of the time since the point before. */
export interface StatsPoint {
  readonly at: Date;
  readonly completed: number;
  readonly failed: number;
  readonly ready: number;
}

/** A job that comes again, and when. */
export interface ScheduleStatus {
  readonly queue: string;
  readonly cron: string;
  readonly next: Date | undefined;
  readonly lastJobId: string | null;
  /** When its last job was enqueued; null when it never ran, or so long ago that the job is gone. */
  readonly lastRun: Date | null;
}

/** What an operator does to the queues, beside enqueueing and working. */
export class QueueAdmin {
  readonly #boss: PgBoss;

  constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /** The filter of those jobs among the given ones that an action can be done to. */
  static applicable(action: JobAction, filter: JobFilter): JobFilter {
    const possible = APPLIES_TO[action];
    const states = filter.states?.filter((state) => possible.includes(state)) ?? possible;
    // A failed job whose dead letter was redriven has run since: to retry it would do its work twice.
    return { ...filter, states, ...(action === 'retry' && { hasDeadLetter: true }) };
  }

  /**
   * Does an action to all jobs that match, in batches, each a transaction of its own.
   *
   * @returns how many jobs it was done to
   */
  async act(db: Db, action: JobAction, filter: JobFilter): Promise<number> {
    let total = 0;
    for (const queue of filter.queues) {
      const ofQueue = QueueAdmin.applicable(action, { ...filter, queues: [queue] });
      for (let done = -1; done !== 0; total += done) {
        done = await db.transaction().execute((trx) => this.#actOnBatch(trx, action, queue, ofQueue));
      }
    }
    return total;
  }

  /** The numbers of one queue since a moment, in steps of so many seconds, oldest first. */
  async stats(
    queue: string,
    { from, stepSeconds }: { from: Date; stepSeconds: number },
  ): Promise<StatsPoint[]> {
    const points = await this.#boss.getQueueStats(queue, { from, bucketSeconds: stepSeconds });
    return points
      .map(({ capturedOn, completedDelta, failedDelta, readyCount }) => ({
        at: capturedOn,
        completed: completedDelta ?? 0,
        failed: failedDelta ?? 0,
        ready: readyCount,
      }))
      .toSorted((a, b) => a.at.getTime() - b.at.getTime());
  }

  /** Every schedule, with the next time it is due. */
  async schedules(): Promise<ScheduleStatus[]> {
    const schedules = await this.#boss.getSchedules();
    return Promise.all(
      schedules.map(async ({ name, cron, timezone, lastJobId }) => {
        const [lastJob] = lastJobId === null ? [] : await this.#boss.findJobs(name, { id: lastJobId });
        return {
          queue: name,
          cron,
          next: this.#boss.previewSchedule(cron, { tz: timezone, count: 1 })[0],
          lastJobId,
          lastRun: lastJob?.createdOn ?? null,
        };
      }),
    );
  }

  async #actOnBatch(db: Db, action: JobAction, queue: string, filter: JobFilter): Promise<number> {
    const ids = await findJobIds(db, filter, BATCH);
    if (ids.length === 0) return 0;
    const options = { db: fromKysely(db) };
    if (action === 'retry') return this.#retry(db, queue, ids);
    if (action === 'cancel') await this.#boss.cancel(queue, ids, options);
    if (action === 'delete') await this.#boss.deleteJob(queue, ids, options);
    if (action === 'redrive') return this.#boss.redrive(queue, { ...options, ids, limit: BATCH });
    if (action === 'run') await startNow(db, queue, ids);
    return ids.length;
  }

  /** Lets failed jobs run again; each takes its dead letter back. */
  async #retry(db: Db, queue: string, ids: string[]): Promise<number> {
    await takeBackDeadLetters(db, queue, ids);
    await this.#boss.retry(queue, ids, { db: fromKysely(db) });
    return ids.length;
  }
}
