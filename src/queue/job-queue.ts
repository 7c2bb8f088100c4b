import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { fromKysely, type PgBoss } from 'pg-boss';
import { addMembers, closeBatch, findBatch, NO_COUNTS, recordBatch } from './batch.ts';
import type { JobEvents } from './events.ts';
import { enqueueFlow } from './flow.ts';
import { hold } from './flow-table.ts';
import type { JobDefinition } from './job.ts';
import { enqueue } from './keys.ts';
import { assertKeyless, assertPayload, newJob } from './new-job.ts';
import type { Parts } from './options.ts';
import type { Queue } from './queue.ts';
import { prioritiesOf } from './share.ts';
import type { Db } from './tables.ts';
import { WORKERS_CHANNEL } from './wake.ts';
import { Worker } from './worker.ts';

/** The application's queue: pg-boss with typed contracts. */
export class JobQueue implements Queue {
  /** Events of this process's attempts. */
  readonly events: JobEvents = new EventEmitter();
  readonly #parts: Parts;
  readonly #boss: PgBoss;
  #worker: Promise<Worker> | undefined;

  constructor(parts: Parts, boss: PgBoss) {
    this.#parts = parts;
    this.#boss = boss;
  }

  send: Queue['send'] = async (contract, payload, { db, priority, startAfter }) => {
    assertPayload(contract, payload);
    const job = {
      ...newJob(contract, payload, this.#parts.context.origin()),
      ...(priority !== undefined && { priority }),
      ...(startAfter !== undefined && { startAfter }),
    };
    const [id] = await enqueue(this.#boss, contract, [job], { db });
    if (id === undefined && contract.key === undefined) {
      throw new Error(`${contract.name} job: the queue took it for a duplicate`);
    }
    if (id !== undefined) await this.#wakeWorkers(db, [contract.name]);
    return id;
  };

  sendAll: Queue['sendAll'] = async (contract, payloads, { db, share, batch, ...options }) => {
    if (payloads.length === 0) return;
    for (const payload of payloads) assertPayload(contract, payload);
    if (batch !== undefined) {
      requireTransaction(db, 'sendAll with a batch');
      assertKeyless(contract, 'a batch');
      await addMembers(db, batch, payloads.length);
    }
    const origin = { ...this.#parts.context.origin(), batchId: batch?.id };
    const priority = options.priority ?? contract.priority ?? 0;
    const priorities =
      share && (await prioritiesOf(db, share, { queue: contract.name, count: payloads.length, priority }));
    const jobs = payloads.map((payload, index) => ({
      ...newJob(contract, payload, origin),
      priority: priorities?.[index] ?? priority,
    }));
    await enqueue(this.#boss, contract, jobs, { db });
    await this.#wakeWorkers(db, [contract.name]);
  };

  flow: Queue['flow'] = async (steps, { db }) => {
    const origin = this.#parts.context.origin();
    return enqueueFlow(this.#boss, steps, { db, origin, wake: (queues) => this.#wakeWorkers(db, queues) });
  };

  startBatch: Queue['startBatch'] = async (contract, payload, { db, id = randomUUID() }) => {
    const counted = { ...payload, counts: NO_COUNTS };
    assertPayload(contract, counted);
    assertKeyless(contract, 'a batch');
    requireTransaction(db, 'startBatch');
    const callback = { queue: contract.name, jobId: randomUUID() };
    if (await recordBatch(db, { id, ...callback })) {
      const { data, ...options } = newJob(contract, counted, this.#parts.context.origin());
      await this.#boss.send(contract.name, data, { ...options, db: fromKysely(db), id: callback.jobId });
      await hold(db, callback);
    }
    return findBatch(db, id);
  };

  closeBatch: Queue['closeBatch'] = (batch, { db }) => closeBatch(db, batch);

  /**
   * Works jobs until the app closes, or until `stopWorking`.
   *
   * @param options.concurrency concurrent jobs, across all queues
   */
  async work(jobs: readonly JobDefinition[], { concurrency }: { concurrency: number }): Promise<void> {
    if (this.#worker !== undefined) throw new Error('this app is already working');
    const deps = { ...this.#parts, boss: this.#boss, events: this.events };
    this.#worker = Worker.start(deps, { jobs, concurrency });
    await this.#worker.catch((error) => {
      this.#worker = undefined;
      throw error;
    });
  }

  /** Stops taking jobs, and gives running ones the configured grace period to finish. */
  async stopWorking(): Promise<void> {
    const worker = this.#worker;
    // A worker that is still starting is stopped as soon as it has started.
    await (await worker)?.stop(this.#parts.graceSeconds * 1000);
    if (this.#worker === worker) this.#worker = undefined;
  }

  async #wakeWorkers(db: Db, queues: readonly string[]): Promise<void> {
    const { app, notify } = this.#parts;
    const woken = notify(db, WORKERS_CHANNEL, queues);
    if (db.isTransaction) return woken;
    // The job is already enqueued, and workers will find it at their next poll.
    await woken.catch((error) => app.log.warn({ err: error }, 'could not wake workers'));
  }
}

function requireTransaction(db: Db, what: string): void {
  if (!db.isTransaction) throw new TypeError(`${what}: db: needs a transaction`);
}
