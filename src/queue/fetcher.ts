import { fromKysely, type JobWithMetadata, type PgBoss } from 'pg-boss';
import { recordAttempts } from './attempts.ts';
import { lockBreaker, startProbe } from './breaker.ts';
import { type Claim, claimOf } from './claim.ts';
import type { QueueContract } from './contract.ts';
import { TryLater } from './errors.ts';
import type { Restraints } from './heartbeat-statements.ts';
import { countActive, passFailed } from './jobs-table.ts';
import { areWorkedInTurn } from './keys.ts';
import { EACH_KEY, lockBucket, passKey, WHOLE_QUEUE } from './limits.ts';
import type { Parts } from './options.ts';
import { bucketOf, parseRate, type Rate } from './rate.ts';
import type { Db } from './tables.ts';

interface Dependencies extends Pick<Parts, 'app' | 'db' | 'logFailure'> {
  readonly boss: PgBoss;
  /** The worker's name, for the history of attempts. */
  readonly worker: string;
}

/** Fetched jobs, and the restraints that applied. */
interface Fetched {
  readonly jobs: readonly JobWithMetadata<unknown>[];
  readonly takenSeconds: number;
  readonly isProbe: boolean;
  /** Seconds until more may start. */
  readonly seconds: number;
}

/** A probe that does not report back is replaced this long after its timeout. */
const PROBE_GRACE_SECONDS = 30;

/** The longest wait before a worker fetches again, in case the clock or the tables were changed. */
const MAX_WAIT_MS = 10_000;

/** A job is over the limit of its key. */
export class OverLimit extends TryLater {
  override readonly name = 'OverLimit';
  readonly key: string;

  constructor(seconds: number, { key, rate }: { key: string; rate: Rate }) {
    super(seconds, `over the limit of ${rate} for ${key}`);
    this.key = key;
  }
}

/**
 * Fetches one queue's jobs for a worker: as many as the limits allow, and one at a time while the queue waits for a service.
 * Without either, it costs no more than pg-boss's own fetch.
 */
export class Fetcher {
  readonly #contract: QueueContract;
  readonly #deps: Dependencies;
  #limits: ReadonlyMap<string, Rate | undefined>;
  /** The limits as text, to detect changes. */
  #known = '[]';
  #isBroken = false;
  #breaking = 0;
  #waitsUntil = 0;

  constructor(contract: QueueContract, deps: Dependencies) {
    this.#contract = contract;
    this.#deps = deps;
    this.#limits = new Map([[WHOLE_QUEUE, contract.rate]]);
  }

  /** Whether running jobs are counted across all workers, so that one more may start when one has ended. */
  get #isCounted(): boolean {
    return this.#contract.totalConcurrency !== undefined || this.#contract.perKey !== undefined;
  }

  /** Whether the end of a job can let another start. */
  get isTakenInTurn(): boolean {
    return this.#isCounted || areWorkedInTurn(this.#contract);
  }

  /** Whether the queue waits for a service. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Milliseconds until jobs may start, however many are waiting. */
  get waitMs(): number {
    return this.#breaking > 0 ? Infinity : Math.max(0, this.#waitsUntil - performance.now());
  }

  /** Applies the current restraints. */
  restrain({ broken, limits }: Restraints): void {
    const { name, rate } = this.#contract;
    const own = limits.filter(({ queue }) => queue === name);
    const text = JSON.stringify(own);
    const isBroken = broken.includes(name);
    if (text === this.#known && !isBroken && !this.#isBroken) return;
    this.#waitsUntil = 0; // Even while the queue waits, because an Operator may have asked for a probe now.
    this.#isBroken ||= isBroken; // Only a fetch can reset it, because these restraints may be older than `break`.
    this.#known = text;
    const rates = own.map((limit) => [limit.key, parseRate(limit.rate)] as const);
    this.#limits = new Map([[WHOLE_QUEUE, rate], ...rates]);
  }

  /** Stops fetching until `broken`, because a service has just asked for it. */
  break(): void {
    this.#isBroken = true;
    this.#breaking += 1;
  }

  /** Call it once the breaker is in the database, where fetches see it. */
  broken(): void {
    this.#breaking -= 1;
  }

  /**
   * Fetches and claims jobs. None if that fails, which is logged.
   *
   * @param slots how many can start at once
   * @param prefetch how many more to fetch, unless the queue is restrained
   */
  async fetch(slots: number, prefetch: number): Promise<Claim[]> {
    const { app, db, worker } = this.#deps;
    const queue = this.#contract.name;
    const rate = this.#limits.get(WHOLE_QUEUE);
    try {
      const { jobs, seconds, ...how } =
        rate === undefined && !this.#isBroken && !this.#isCounted
          ? { jobs: await this.#fetchFrom(db, slots + prefetch), ...UNRESTRAINED }
          : await db.transaction().execute((trx) => this.#fetchRestrained(trx, rate, slots));
      this.#waitsUntil = performance.now() + Math.min(seconds * 1000, MAX_WAIT_MS);
      if (jobs.length === 0) return [];
      const attempts = jobs.map(({ id, retryCount }) => ({ jobId: id, attempt: retryCount + 1 }));
      const recorded = recordAttempts(db, { queue, worker, attempts }).catch((error) =>
        app.log.error({ err: error, queue }, 'could not record attempts'),
      );
      return jobs.map((job) => claimOf(job, { recorded, ...how }));
    } catch (error) {
      this.#deps.logFailure(error, { queue }, 'could not fetch jobs');
      return [];
    }
  }

  /**
   * Applies the limit of a running job's key.
   *
   * @throws OverLimit if the job must wait
   */
  async pass(claim: Claim, given: string): Promise<void> {
    const key = given.slice(0, MAX_KEY_LENGTH);
    const rate = this.#limits.get(key) ?? this.#limits.get(EACH_KEY);
    if (rate === undefined || key === WHOLE_QUEUE) return;
    const limit = { queue: this.#contract.name, key, rate };
    const job = {
      isBulk: claim.priority < (this.#contract.priority ?? 0),
      isBack: claim.waitedFor === key,
    };
    const seconds = await this.#deps.db.transaction().execute((trx) => passKey(trx, limit, job));
    if (seconds > 0) throw new OverLimit(seconds, limit);
  }

  async #fetchRestrained(trx: Db, rate: Rate | undefined, slots: number): Promise<Fetched> {
    const queue = this.#contract.name;
    const untilProbe = this.#isBroken ? await lockBreaker(trx, queue) : undefined;
    const isProbe = untilProbe !== undefined;
    this.#isBroken = isProbe || this.#breaking > 0;
    if (isProbe && untilProbe > 0) return { ...UNRESTRAINED, jobs: [], seconds: untilProbe };

    const bucket = await lockBucket(trx, queue, rate);
    const most = Math.min(isProbe ? 1 : slots, bucket.jobs, await this.#room(trx));
    if (most === 0) return { ...UNRESTRAINED, jobs: [], seconds: bucket.seconds };
    const jobs = await this.#fetchFrom(trx, most);
    const [first] = jobs;
    if (first === undefined) return { ...UNRESTRAINED, jobs };

    let seconds = await bucket.start(jobs.length);
    if (isProbe) {
      seconds = this.#contract.timeoutSeconds + PROBE_GRACE_SECONDS;
      await startProbe(trx, queue, { jobId: first.id, seconds });
    }
    return { jobs, seconds, isProbe, takenSeconds: rate === undefined ? 0 : bucketOf(rate).interval };
  }

  /** How many more jobs may run, across all workers. */
  async #room(trx: Db): Promise<number> {
    const { name, totalConcurrency } = this.#contract;
    if (totalConcurrency === undefined) return Infinity;
    return Math.max(0, totalConcurrency - (await countActive(trx, name)));
  }

  async #fetchFrom(db: Db, batchSize: number): Promise<JobWithMetadata<unknown>[]> {
    const { name, perKey, key } = this.#contract;
    if (key?.rule === 'in-order') await passFailed(db, name);
    const options = { batchSize, includeMetadata: true, db: fromKysely(db) } as const;
    return this.#deps.boss.fetch<unknown>(name, {
      ...options,
      ...(perKey && { groupConcurrency: perKey.concurrency }),
    });
  }
}

const UNRESTRAINED = { takenSeconds: 0, isProbe: false, seconds: 0 };

/** Longer keys are truncated, and so may share a limit. */
const MAX_KEY_LENGTH = 255;
