import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { fromKysely, type PgBoss } from 'pg-boss';
import { Group } from '../group.ts';
import { persist } from '../persist.ts';
import type { JobAttemptOutcome } from '../schema.ts';
import { recordAttemptEnds } from './attempts.ts';
import { type Claim, ClaimLost, outcomeOf } from './claim.ts';
import { forbidRetries, handBack, keepClaims } from './claims-sql.ts';
import type { JobEnd, JobEvents } from './events.ts';
import { wakeWorkers } from './signal.ts';

/**
 * A worker that was killed says nothing: its jobs run again when they have shown no heartbeat for this long. 10 is
 * the least pg-boss accepts.
 */
export const HEARTBEAT_SECONDS = 10;

interface Dependencies {
  readonly app: FastifyInstance;
  readonly boss: PgBoss;
  readonly events: JobEvents;
  /** Who works, for the history. */
  readonly worker: string;
}

/**
 * What a consumer has claimed of its queue and not settled: kept alive while it is worked, and settled once, each
 * claim for the attempt it is, so that none can settle another's. What cannot be written is tried again for a while,
 * and then let go: the job runs again.
 */
export class Holdings {
  readonly #queue: string;
  readonly #deps: Dependencies;
  readonly #held = new Set<Claim>();
  readonly #completions = new Group<Claim>((claims) => this.#writeCompletions(claims));
  readonly #heartbeat: NodeJS.Timeout;

  constructor(queue: string, deps: Dependencies) {
    this.#queue = queue;
    this.#deps = deps;
    this.#heartbeat = setInterval(() => this.#keep(), (HEARTBEAT_SECONDS / 2) * 1000);
  }

  get size(): number {
    return this.#held.size;
  }

  add(claim: Claim): void {
    this.#held.add(claim);
  }

  /** Settles an attempt that has succeeded, when what it left to be written down is. */
  async complete(claim: Claim): Promise<void> {
    try {
      await claim.write?.();
      await this.#completions.add(claim);
    } catch (error) {
      await this.fail(claim, error);
    }
  }

  /** Settles an attempt that has not: for a retry, for the dead letter queue, or back as it was. */
  async fail(claim: Claim, error: unknown): Promise<void> {
    const { app, events } = this.#deps;
    const isOurs = !(claim.controller.signal.reason instanceof ClaimLost);
    const outcome = outcomeOf(error, claim);
    const isLast =
      outcome === 'given up' || (outcome !== 'handed back' && claim.job.retryCount >= claim.job.retryLimit);
    try {
      if (isOurs) await persist(() => this.#writeFailure(claim, outcome, error));
      events.emit('ended', this.#report(claim, isOurs ? outcome : 'taken away', { error, isLast }));
    } catch (failure) {
      const line = { err: failure, queue: this.#queue, jobId: claim.jobId };
      app.log.error(line, 'a failure could not be written: the job runs again');
    }
    this.#held.delete(claim);
  }

  /** Gives claims back that were never begun, unspent, and tells other workers of them. */
  async giveBack(claims: readonly Claim[]): Promise<void> {
    if (claims.length === 0) return;
    const { app } = this.#deps;
    try {
      await persist(() => this.#writeReturn(claims, null));
    } catch (error) {
      app.log.error(
        { err: error, queue: this.#queue },
        'jobs could not be handed back: they run again later',
      );
    }
    for (const claim of claims) this.#held.delete(claim);
  }

  /** Waits until everything is settled. */
  async close(): Promise<void> {
    while (this.#held.size > 0) await sleep(10);
    clearInterval(this.#heartbeat);
  }

  async #writeCompletions(claims: readonly Claim[]): Promise<void> {
    const { boss, app, events } = this.#deps;
    const attempts = claims.map(({ job }) => ({ id: job.id, retryCount: job.retryCount }));
    try {
      await persist(() => boss.complete(this.#queue, attempts, null, { db: fromKysely(app.db) }));
      for (const claim of claims) events.emit('ended', this.#report(claim, 'completed'));
    } catch (error) {
      app.log.error({ err: error, queue: this.#queue }, 'results could not be written: these jobs run again');
    }
    for (const claim of claims) this.#held.delete(claim);
  }

  async #writeFailure(claim: Claim, outcome: JobAttemptOutcome, error: unknown): Promise<void> {
    const { app, boss, worker } = this.#deps;
    const message = error instanceof Error ? error.message : String(error);
    if (outcome === 'handed back') return this.#writeReturn([claim], message);
    await claim.recorded;
    await recordAttemptEnds(app.db, [claim], { worker, outcome, error: message });
    const attempt = { id: claim.jobId, retryCount: claim.job.retryCount };
    await app.db.transaction().execute(async (trx) => {
      if (outcome === 'given up') await forbidRetries(trx, { queue: this.#queue, ...claim });
      await boss.fail(this.#queue, attempt, { message }, { db: fromKysely(trx) });
    });
  }

  async #writeReturn(claims: readonly Claim[], error: string | null): Promise<void> {
    const { app, worker } = this.#deps;
    await Promise.all(claims.map(({ recorded }) => recorded));
    await recordAttemptEnds(app.db, claims, { worker, outcome: 'handed back', error });
    await handBack(app.db, { queue: this.#queue, attempts: claims });
    await wakeWorkers(app.db, this.#queue);
  }

  /** Shows that the jobs in hand are being worked, and stops those that have been cancelled or taken away. */
  async #keep(): Promise<void> {
    const claims = [...this.#held];
    if (claims.length === 0) return;
    const { app } = this.#deps;
    try {
      const kept = await keepClaims(app.db, { queue: this.#queue, attempts: claims });
      for (const claim of claims) {
        if (this.#held.has(claim) && !kept.has(claim.jobId)) {
          claim.controller.abort(new ClaimLost('the job was cancelled or taken by another worker'));
        }
      }
    } catch (error) {
      app.log.error({ err: error, queue: this.#queue }, 'a heartbeat failed');
    }
  }

  #report(
    { jobId, attempt, durationMs = 0, origin }: Claim,
    outcome: JobEnd['outcome'],
    { error, isLast = false }: { error?: unknown; isLast?: boolean } = {},
  ): JobEnd {
    const { requestId } = origin;
    return { queue: this.#queue, jobId, attempt, durationMs, requestId, outcome, error, isLast };
  }
}
