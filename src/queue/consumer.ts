import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import pLimit, { type LimitFunction } from 'p-limit';
import { fromKysely, type JobWithMetadata, type PgBoss } from 'pg-boss';
import type { RunningJob } from '../schema.ts';
import { recordAttempts } from './attempts.ts';
import { type Claim, ShuttingDown, TimedOut, untilAborted } from './claim.ts';
import type { JobEvents } from './events.ts';
import { Holdings } from './holdings.ts';
import type { JobDefinition } from './job.ts';
import { unpack } from './origin.ts';

/** With LISTEN a new job is seen at once; polling is for retries coming due, which PostgreSQL does not announce. */
const POLL_MS = 1_000;

/** So much work is fetched ahead as the slots will begin within this time, judged by how long jobs took lately. */
const LOOKAHEAD_MS = 100;
const MOST_AHEAD = 400;

/** What was fetched ahead and is still waiting behind slow jobs after this long goes back, for other workers. */
const STALE_MS = 400;

interface Dependencies {
  readonly app: FastifyInstance;
  readonly boss: PgBoss;
  readonly events: JobEvents;
  /** Who works, for the history. */
  readonly worker: string;
  /** The slots of the whole worker, shared by its consumers in turn. */
  readonly slots: LimitFunction;
}

/**
 * Works one queue. Jobs are fetched in batches and each takes the next free slot, is settled for itself, and holds
 * up no other: neither those fetched with it nor their results.
 */
export class Consumer {
  readonly job: JobDefinition;
  readonly #deps: Dependencies;
  /** What this queue may take of the worker's slots. */
  readonly #ownSlots: LimitFunction;
  /** Everything claimed and not settled: waiting, running, or done and not yet written down. */
  readonly #holdings: Holdings;
  readonly #waiting: Claim[] = [];
  readonly #running = new Map<Claim, Promise<void>>();

  /** Ends the rest between two fetches. */
  #wake = () => {};
  #isWoken = false;
  #isPaused = false;
  #isStopping = false;
  #isDispatching = false;
  #hasFetched = false;
  /** How long jobs take, lately: no lookahead until it is known. */
  #paceMs = LOOKAHEAD_MS;
  #fetching: Promise<void> = Promise.resolve();

  constructor(job: JobDefinition, deps: Dependencies) {
    this.job = job;
    this.#deps = deps;
    this.#holdings = new Holdings(job.contract.name, deps);
    this.#ownSlots = pLimit(Math.min(job.contract.concurrency ?? Infinity, deps.slots.concurrency));
  }

  start(): void {
    this.#fetching = this.#fetchUntilStopped();
  }

  /** Looks for jobs now instead of at the next poll. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** While paused it takes no jobs; those in hand go on. */
  setPaused(isPaused: boolean): void {
    if (this.#isPaused && !isPaused) this.wake();
    this.#isPaused = isPaused;
  }

  /** The jobs in its hands. */
  running(): RunningJob[] {
    return [...this.#running.keys()].map(({ jobId, attempt, startedAt = new Date() }) => ({
      id: jobId,
      queue: this.#name,
      attempt,
      startedAt: startedAt.toISOString(),
    }));
  }

  /** Whether it has asked for jobs, and been answered, since it was last asked. */
  takeHasFetched(): boolean {
    const hasFetched = this.#hasFetched;
    this.#hasFetched = false;
    return hasFetched;
  }

  /**
   * Takes no more jobs, gives those in hand `graceMs` to end, tells the others to stop, and hands back unspent what
   * does not.
   */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.wake();
    await this.#fetching;
    await this.#holdings.giveBack(this.#waiting.splice(0));
    await Promise.race([
      Promise.allSettled(this.#running.values()),
      sleep(graceMs, undefined, { ref: false }),
    ]);
    for (const { controller } of this.#running.keys()) {
      controller.abort(new ShuttingDown('the worker stops'));
    }
    await Promise.allSettled(this.#running.values());
    await this.#holdings.close();
  }

  get #name(): string {
    return this.job.contract.name;
  }

  async #fetchUntilStopped(): Promise<void> {
    while (!this.#isStopping) {
      this.#isWoken = false;
      const room = this.#isPaused ? 0 : this.#room();
      const fetched = room === 0 ? 0 : await this.#fetch(room);
      if (fetched > 0 && fetched === room) continue;
      await this.#rest();
    }
  }

  /** How many more jobs to fetch: none without a free slot, and no small change while enough are waiting. */
  #room(): number {
    const { slots } = this.#deps;
    const limit = this.#ownSlots.concurrency;
    const free = Math.min(limit - this.#running.size, slots.concurrency - slots.activeCount);
    if (free <= 0 || this.#holdings.size >= 2 * MOST_AHEAD + limit) return 0;
    const ahead = Math.round((limit * LOOKAHEAD_MS) / Math.max(this.#paceMs, 0.1));
    const wanted = Math.max(free, Math.min(ahead, MOST_AHEAD));
    const room = wanted - this.#waiting.length;
    return room * 2 < wanted ? 0 : room;
  }

  async #fetch(batchSize: number): Promise<number> {
    const { app, boss, worker } = this.#deps;
    try {
      const jobs = await boss.fetch<unknown>(this.#name, {
        batchSize,
        includeMetadata: true,
        db: fromKysely(app.db),
      });
      this.#hasFetched = true;
      if (jobs.length === 0) return 0;
      const attempts = jobs.map(({ id, retryCount }) => ({ jobId: id, attempt: retryCount + 1 }));
      const recorded = recordAttempts(app.db, { queue: this.#name, worker, attempts }).catch((error) =>
        app.log.error({ err: error, queue: this.#name }, 'the history of attempts has a gap'),
      );
      this.#take(jobs, recorded);
      void this.#dispatch();
      return jobs.length;
    } catch (error) {
      app.log.error({ err: error, queue: this.#name }, 'fetching jobs failed');
      return 0;
    }
  }

  #take(jobs: readonly JobWithMetadata<unknown>[], recorded: Promise<void>): void {
    const unpacked = jobs.map((job) => ({ id: job.id, job, ...unpack(job.data) }));
    const runs = this.job.take(this.#deps.app, unpacked);
    for (const [index, { job, origin }] of unpacked.entries()) {
      const run = runs[index];
      if (run === undefined) throw new Error(`the job of ${this.#name} did not take over ${job.id}`);
      const claim = {
        job,
        run,
        origin,
        jobId: job.id,
        attempt: job.retryCount + 1,
        claimedAt: performance.now(),
        controller: new AbortController(),
        recorded,
      };
      this.#holdings.add(claim);
      this.#waiting.push(claim);
    }
  }

  /** Waits for the next poll, or until it is woken. Whatever waits for a slot meanwhile goes back in time. */
  async #rest(): Promise<void> {
    if (this.#isWoken) return;
    const [oldest] = this.#waiting;
    const ms = oldest === undefined ? POLL_MS : Math.max(0, oldest.claimedAt + STALE_MS - performance.now());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (oldest !== undefined && oldest === this.#waiting[0] && !this.#isWoken) {
      await this.#holdings.giveBack(this.#waiting.splice(0));
    }
  }

  /** Starts what is waiting, one by one, each when there is a slot: so that all queues get slots in turn. */
  async #dispatch(): Promise<void> {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    while (this.#waiting.length > 0 && !this.#isStopping) {
      await new Promise<void>((resolve) => {
        void this.#ownSlots(() =>
          this.#deps.slots(() => {
            resolve();
            return this.#startNext();
          }),
        );
      });
    }
    this.#isDispatching = false;
  }

  async #startNext(): Promise<void> {
    const claim = this.#isStopping ? undefined : this.#waiting.shift();
    if (claim === undefined) return;
    const running = this.#run(claim);
    this.#running.set(claim, running);
    await running;
    this.#running.delete(claim);
    this.#wakeIfRoom();
  }

  #wakeIfRoom(): void {
    if (this.#room() > 0) this.wake();
  }

  /** Runs one job to its end. Never rejects: whatever happens is the job's result. */
  async #run(claim: Claim): Promise<void> {
    const { app } = this.#deps;
    const { contract } = this.job;
    const { jobId, attempt, origin, controller } = claim;
    const { signal } = controller;
    const timeout = setTimeout(
      () => controller.abort(new TimedOut(`timed out after ${contract.timeoutSeconds} seconds`)),
      contract.timeoutSeconds * 1000,
    );
    claim.startedAt = new Date();
    const startedAt = performance.now();
    const afterwards = (write: () => Promise<void>) => {
      claim.write = write;
    };
    const measure = () => {
      claim.durationMs = performance.now() - startedAt;
      this.#paceMs = 0.8 * this.#paceMs + 0.2 * claim.durationMs;
    };
    try {
      signal.throwIfAborted();
      const work = { label: `job ${contract.name}`, requestId: origin.requestId };
      const context = { id: jobId, attempt, signal, afterwards };
      const span = {
        name: work.label,
        kind: 'consumer',
        attributes: { 'job.id': jobId, 'job.attempt': attempt },
        parent: origin.traceparent,
      } as const;
      await app.work.run(work, () => app.tracing.span(span, () => untilAborted(claim.run(context), signal)));
      measure();
      void this.#holdings.complete(claim).then(() => this.#wakeIfRoom());
    } catch (error) {
      measure();
      await this.#holdings.fail(claim, error);
    } finally {
      clearTimeout(timeout);
    }
  }
}
