import { abortLost, type Claim, ShuttingDown } from './claim.ts';
import type { ClaimKey } from './claim-key.ts';
import { SlowDown } from './errors.ts';
import { Fetcher } from './fetcher.ts';
import type { HeldJob } from './heartbeat.ts';
import type { Restraints } from './heartbeat-statements.ts';
import type { JobDefinition } from './job.ts';
import { runJob } from './run.ts';
import { Settler, type SettlerDependencies } from './settler.ts';
import { Slots } from './slots.ts';
import type { Threads } from './threads.ts';
import { waitAtMost } from './wait-at-most.ts';

/** How long a fetched job waits for a slot before it is handed back for other workers; at most twice this long. */
const PATIENCE_MS = 5_000;

/** How long a stopping worker waits for its last fetch, in case the database is gone. */
const LAST_FETCH_MS = 2_000;

interface Dependencies extends SettlerDependencies {
  /** Concurrent jobs, across all queues. */
  readonly concurrency: number;
  /** The worker's slots, which its consumers take turns at. */
  readonly slots: Slots;
  /** The worker's threads. Each job that runs in one takes a slot. */
  readonly threads: Threads;
  /** Reports the worker's jobs for its heartbeats. */
  readonly report: () => void;
}

/**
 * Works one queue: fetches as many jobs as there are free slots, and those that its contract prefetches; starts each as soon as it
 * has a slot, and settles each when it ends.
 */
export class Consumer {
  readonly job: JobDefinition;
  readonly #name: string;
  readonly #deps: Dependencies;
  readonly #fetcher: Fetcher;
  readonly #settler: Settler;
  /** The queue's share of the worker's slots. */
  readonly #limit: number;
  /** The slots that each job takes: one of the queue, of the threads if it needs one, and of the worker. */
  readonly #slots: readonly Slots[];
  /** Fetched jobs that wait for a slot. */
  #waiting: Claim[] = [];
  /** Those that were already waiting at the last check, `PATIENCE_MS` ago. */
  #overdue: readonly Claim[] = [];
  /** Started jobs, each with a promise that settles with the job. */
  readonly #started = new Map<Claim, Promise<void>>();
  readonly #stopping = new AbortController();
  #patience: NodeJS.Timeout | undefined;
  #handingBack: Promise<void> = Promise.resolve();
  #loop: Promise<void> = Promise.resolve();
  #wake = () => {};
  #isWoken = false;
  #isPaused = false;

  constructor(job: JobDefinition, deps: Dependencies) {
    this.job = job;
    this.#name = job.contract.name;
    this.#deps = deps;
    this.#fetcher = new Fetcher(job.contract, deps);
    this.#settler = new Settler(job.contract.name, deps);
    this.#limit = Math.min(job.contract.concurrency ?? Infinity, deps.concurrency);
    const threads = job.contract.runs === 'thread' ? [deps.threads.slots] : [];
    this.#slots = [new Slots(this.#limit), ...threads, deps.slots];
  }

  start(): void {
    this.#patience = setInterval(() => this.#handBackOverdue(), PATIENCE_MS);
    this.#loop = this.#fetchUntilStopped();
  }

  /** Fetches now: there are jobs, or there may be. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Applies the current restraints. A paused queue starts no jobs, but running ones continue. */
  restrain(restraints: Restraints): void {
    const isPaused = restraints.paused.includes(this.#name);
    if (this.#isPaused && !isPaused) this.wake();
    this.#isPaused = isPaused;
    this.#fetcher.restrain(restraints);
    if (isPaused || this.#fetcher.isBroken) this.#handBack(this.#waiting);
  }

  /** The jobs that it has fetched and not yet settled. */
  held(): HeldJob[] {
    return this.#claims().map((claim) => {
      const { queue, jobId, claimedAt, attempt } = claim;
      return { queue, jobId, claimedAt, attempt, isStarted: this.#started.has(claim) };
    });
  }

  /** Aborts its jobs among these, which were cancelled or taken by another worker. */
  lose(lost: readonly ClaimKey[]): void {
    abortLost(this.#claims(), lost);
  }

  /**
   * Starts no more jobs and gives running ones `graceMs` to finish. Then aborts their signals, and hands back those that
   * still do not finish, without losing an attempt.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await waitAtMost(LAST_FETCH_MS, this.#loop);
    clearInterval(this.#patience);
    const settled = Promise.all([this.#handingBack, ...this.#started.values()]);
    await waitAtMost(graceMs, settled);
    for (const { controller } of this.#started.keys()) controller.abort(new ShuttingDown('the worker stops'));
    await settled;
  }

  #claims(): Claim[] {
    return [...this.#started.keys(), ...this.#waiting];
  }

  async #fetchUntilStopped(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const slots = await this.#takeSlots();
      const isIdle = this.#isPaused || this.#fetcher.waitMs > 0;
      const started = isIdle ? 0 : await this.#start(slots);
      this.#releaseSlots(slots - started);
      if (started < slots) await this.#rest();
    }
    this.#handBack(this.#waiting);
  }

  /** Starts up to as many jobs as there are slots. Returns the number started. */
  async #start(slots: number): Promise<number> {
    const missing = slots - this.#waiting.length;
    const fetched = missing > 0 ? await this.#fetch(missing) : [];
    this.#waiting.push(...fetched);
    // In the meantime, a service may have asked the queue to wait.
    if (this.#fetcher.isBroken && !fetched[0]?.isProbe) this.#handBack(this.#waiting);
    const claims = this.#waiting.splice(0, slots);
    for (const claim of claims) this.#started.set(claim, Promise.resolve(claim).then(this.#work));
    // Before they run, because a job may block this thread.
    if (fetched.length > 0) this.#deps.report();
    return claims.length;
  }

  /** Waits for a free slot. Returns the number of free slots, or 0 when the worker stops. */
  async #takeSlots(): Promise<number> {
    let count = this.#limit;
    for (const [index, slots] of this.#slots.entries()) {
      const taken = await slots.take(count, this.#stopping.signal);
      for (const earlier of this.#slots.slice(0, index)) earlier.release(count - taken);
      count = taken;
    }
    return count;
  }

  #releaseSlots(count: number): void {
    for (const slots of this.#slots) slots.release(count);
  }

  async #fetch(slots: number): Promise<Claim[]> {
    this.#isWoken = false;
    return this.#fetcher.fetch(slots, this.job.contract.prefetch ?? 0);
  }

  /** Runs a job and settles it. Never rejects. */
  #work = async (claim: Claim): Promise<void> => {
    const startedAt = performance.now();
    let durationMs = 0;
    try {
      const { writing } = await this.#run(claim)
        .then((write) => ({ writing: write?.() })) // Before the slot's next job asks for a connection.
        .catch(this.#breakIfAsked)
        .finally(() => {
          durationMs = performance.now() - startedAt;
          this.#releaseSlots(1);
        });
      await writing;
      await this.#settler.complete({ claim, durationMs });
    } catch (error) {
      await this.#settler.fail({ claim, durationMs }, error);
      if (error instanceof SlowDown) this.#fetcher.broken();
    }
    this.#started.delete(claim);
    if (this.#fetcher.isTakenInTurn) this.wake();
  };

  /** Stops starting jobs if a service asks for it. Rethrows the error. */
  #breakIfAsked = (error: unknown): never => {
    if (error instanceof SlowDown) {
      this.#fetcher.break();
      this.#handBack(this.#waiting);
    }
    throw error;
  };

  /** Hands back fetched jobs that have not been started, for other workers. */
  #handBack(claims: readonly Claim[]): void {
    this.#waiting = this.#waiting.filter((claim) => !claims.includes(claim));
    const handedBack = [this.#handingBack, this.#settler.handBack(claims)];
    this.#handingBack = Promise.all(handedBack).then(() => {}); // Otherwise each result would hold the one before.
  }

  /** Hands back jobs that have waited too long, because another worker may have a free slot. */
  #handBackOverdue(): void {
    this.#handBack(this.#waiting.filter((claim) => this.#overdue.includes(claim)));
    this.#overdue = [...this.#waiting];
  }

  #run(claim: Claim): ReturnType<typeof runJob> {
    if (this.#stopping.signal.aborted) claim.controller.abort(new ShuttingDown('the worker stops'));
    return runJob(this.job, claim, { ...this.#deps, pass: (key) => this.#fetcher.pass(claim, key) });
  }

  /** Waits until woken, or until a limit allows another job. */
  async #rest(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const { waitMs } = this.#fetcher;
    const timer = waitMs > 0 && waitMs < Infinity ? setTimeout(resolve, waitMs) : undefined;
    this.#wake = resolve;
    if (!this.#isWoken) await promise;
    clearTimeout(timer);
    this.#isWoken = false;
  }
}
