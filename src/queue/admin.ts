import { fromKysely, type PgBoss } from 'pg-boss';
import type { JobAction } from './actions.ts';
import { deadLetterName } from './dead-letters.ts';
import { findPlaces, takePlaces } from './flow-table.ts';
import type { JobFilter, JobState } from './jobs.ts';
import { findDeadLetters, restoreCancelled, startNow, takeBackDeadLetters } from './jobs-table.ts';
import { findJobIds } from './list-jobs.ts';
import type { Db } from './tables.ts';

/** The states in which each action is possible. A running job must be cancelled before it can be deleted. */
const APPLIES_TO: Record<JobAction, readonly JobState[]> = {
  retry: ['failed'],
  cancel: ['ready', 'retrying', 'deferred', 'blocked', 'active'],
  restore: ['cancelled'],
  run: ['retrying', 'deferred'],
  delete: ['ready', 'retrying', 'deferred', 'blocked', 'completed', 'failed', 'cancelled'],
  redrive: ['ready', 'retrying', 'deferred'],
};

/** Jobs per transaction. */
const BATCH = 1_000;

/** Operators' actions on jobs, and statistics. */
export class QueueAdmin {
  readonly #boss: PgBoss;

  constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /** Narrows a filter to the jobs that an action applies to. */
  static applicable(action: JobAction, filter: JobFilter): JobFilter {
    const possible = APPLIES_TO[action];
    const states = filter.states?.filter((state) => possible.includes(state)) ?? possible;
    // After its dead letter was redriven, retrying a failed job would do its work twice.
    const hasDeadLetter = action === 'retry';
    // Jobs that wait for a deleted one would wait forever.
    const blocksNone = action === 'delete';
    return { ...filter, states, hasDeadLetter, blocksNone };
  }

  /**
   * Performs an action on all matching jobs, in batches of one transaction each.
   *
   * @returns the number of jobs affected
   */
  async act(db: Db, action: JobAction, filter: JobFilter): Promise<number> {
    let total = 0;
    for (const queue of filter.queues) {
      const ofQueue = QueueAdmin.applicable(action, { ...filter, queues: [queue] });
      // Jobs that cannot be changed, such as those whose unique key is taken, would be found again.
      const except: string[] = [];
      let found: number;
      do {
        const { ids, changed } = await db
          .transaction()
          .execute((trx) => this.#actOnBatch(trx, action, queue, { ...ofQueue, except }));
        if (changed < ids.length) except.push(...ids);
        total += changed;
        found = ids.length;
      } while (found === BATCH);
    }
    return total;
  }

  /** The queues that dead letters would be redriven to, with the number of jobs for each. */
  async previewRedrive(queue: string, ids: string[]): Promise<readonly { name: string; count: number }[]> {
    const limit = Math.max(1, ids.length);
    return (await this.#boss.previewRedrive(queue, { ids, limit })).destinations;
  }

  async #actOnBatch(db: Db, action: JobAction, queue: string, filter: JobFilter) {
    const ids = await findJobIds(db, filter, BATCH);
    return { ids, changed: ids.length > 0 ? await this.#actOn(db, action, queue, ids) : 0 };
  }

  async #actOn(db: Db, action: JobAction, queue: string, ids: string[]): Promise<number> {
    const options = { db: fromKysely(db) };
    if (action === 'retry') return this.#retry(db, queue, ids);
    if (action === 'cancel') await this.#boss.cancel(queue, ids, options);
    if (action === 'restore') return restoreCancelled(db, queue, ids);
    if (action === 'delete') await this.#boss.deleteJob(queue, ids, options);
    if (action === 'redrive') return this.#redrive(db, queue, ids);
    if (action === 'run') await startNow(db, queue, ids);
    return ids.length;
  }

  /** Redrives dead letters. Jobs that waited for the original then wait for the new job. */
  async #redrive(db: Db, queue: string, ids: string[]): Promise<number> {
    const places = await findPlaces(db, queue, ids);
    const moved = await this.#boss.redrive(queue, { db: fromKysely(db), ids, limit: BATCH });
    if (places.length > 0) await takePlaces(db, places);
    return moved;
  }

  /** Retries failed jobs and deletes their dead letters, or redrives the dead letters if the jobs' keys may be taken by now. */
  async #retry(db: Db, queue: string, ids: string[]): Promise<number> {
    const { policy } = (await this.#boss.getQueue(queue)) ?? {};
    if (policy === 'exclusive' || policy === 'key_strict_fifo') {
      const dead = await findDeadLetters(db, queue, ids);
      return this.#boss.redrive(deadLetterName({ name: queue }), {
        db: fromKysely(db),
        ids: dead,
        limit: BATCH,
      });
    }
    await takeBackDeadLetters(db, queue, ids);
    await this.#boss.retry(queue, ids, { db: fromKysely(db) });
    return ids.length;
  }
}
