import { EventEmitter } from 'node:events';
import { fromKysely, type PgBoss } from 'pg-boss';
import type { QueueContract } from './contract.ts';
import type { JobEvents } from './events.ts';
import type { JobDefinition } from './job.ts';
import type { Parts } from './options.ts';
import { pack } from './origin.ts';
import type { Queue } from './queue.ts';
import { prioritiesOf } from './share.ts';
import type { Db } from './tables.ts';
import { WORKERS_CHANNEL } from './wake.ts';
import { Worker } from './worker.ts';

/** The application's queue: pg-boss, typed by the contracts. */
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

  send: Queue['send'] = async (contract, payload, { db, startAfter, ...options }) => {
    refuseFault(contract, payload);
    if (options.unique !== undefined && contract.uniqueKey === undefined) {
      throw new TypeError(`${contract.name} job: unique: the queue's contract has no uniqueKey`);
    }
    const singletonKey = options.unique ?? contract.uniqueKey?.(payload);
    const id = await this.#boss.send(contract.name, pack(payload, this.#parts.context.origin()), {
      db: fromKysely(db),
      priority: options.priority ?? contract.priority ?? 0,
      ...(startAfter !== undefined && { startAfter }),
      ...(singletonKey !== undefined && { singletonKey }),
      ...(contract.perKey && { group: { id: contract.perKey.of(payload) } }),
    });
    if (id === null && singletonKey === undefined) {
      throw new Error(`${contract.name} job: the queue took it for a duplicate`);
    }
    if (id !== null) await this.#wakeWorkers(db, contract);
    return id ?? undefined;
  };

  sendAll: Queue['sendAll'] = async (contract, payloads, { db, share, ...options }) => {
    if (payloads.length === 0) return;
    for (const payload of payloads) refuseFault(contract, payload);
    const origin = this.#parts.context.origin();
    const priority = options.priority ?? contract.priority ?? 0;
    const priorities =
      share && (await prioritiesOf(db, share, { queue: contract.name, count: payloads.length, priority }));
    const jobs = payloads.map((payload, index) => ({
      data: pack(payload, origin),
      priority: priorities?.[index] ?? priority,
      ...(contract.uniqueKey && { singletonKey: contract.uniqueKey(payload) }),
      ...(contract.perKey && { group: { id: contract.perKey.of(payload) } }),
    }));
    await this.#boss.insert(contract.name, jobs, { db: fromKysely(db) });
    await this.#wakeWorkers(db, contract);
  };

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

  /** Takes no more jobs, and gives running ones the configured grace period to finish. */
  async stopWorking(): Promise<void> {
    const worker = this.#worker;
    // One that is still starting is stopped as soon as it has started.
    await (await worker)?.stop(this.#parts.graceSeconds * 1000);
    if (this.#worker === worker) this.#worker = undefined;
  }

  async #wakeWorkers(db: Db, { name }: QueueContract): Promise<void> {
    const { app, notify } = this.#parts;
    const woken = notify(db, WORKERS_CHANNEL, [name]);
    if (db.isTransaction) return woken;
    // The job is already enqueued, and workers find it at their next poll.
    await woken.catch((error) => app.log.warn({ err: error }, 'could not wake workers'));
  }
}

function refuseFault(contract: QueueContract, payload: unknown): void {
  const fault = contract.faultOf(payload);
  if (fault !== undefined) throw new TypeError(`${contract.name} job: ${fault}`);
}
