import { fromKysely, type PgBoss } from 'pg-boss';
import { forgetRepeatedHandBacks, recordAttemptEnds } from './attempts.ts';
import { Batcher } from './batcher.ts';
import { closeBreaker, openBreaker, probeNow } from './breaker.ts';
import { type Claim, outcomeOf } from './claim.ts';
import { MAX_DAYS_DEFERRED, SlowDown, TryLater } from './errors.ts';
import type { JobEnd, JobEvents } from './events.ts';
import { OverLimit } from './fetcher.ts';
import { UnknownPayload } from './job.ts';
import { forbidRetries, type HandBackOptions, handBack } from './jobs-table.ts';
import { giveBack } from './limits.ts';
import type { Parts } from './options.ts';
import { persist } from './persist.ts';
import { PRESENCE_SECONDS } from './presence.ts';
import { redactText } from './redact.ts';
import type { JobAttemptOutcome } from './tables.ts';
import { WORKERS_CHANNEL } from './wake.ts';

export interface SettlerDependencies extends Parts {
  readonly boss: PgBoss;
  readonly events: JobEvents;
  /** The worker's name, for the history of attempts. */
  readonly worker: string;
}

/** How often a job with an unknown payload is offered to the workers again, in case one is newer. */
const UNKNOWN_PAYLOAD_SECONDS = 60;

/** How long a refused job is kept from all workers, until their reports have told them that its queue waits. */
const UNTIL_KNOWN_SECONDS = 2 * PRESENCE_SECONDS;

/** A finished attempt. */
export interface Ended {
  readonly claim: Claim;
  readonly durationMs: number;
}

/**
 * Writes the results of one queue's attempts. Retries failed writes for a while; after that, the job runs again. Its methods never
 * reject.
 */
export class Settler {
  readonly #queue: string;
  readonly #deps: SettlerDependencies;
  readonly #completions = new Batcher<Ended>((all) => this.#writeCompletions(all));

  constructor(queue: string, deps: SettlerDependencies) {
    this.#queue = queue;
    this.#deps = deps;
  }

  /** Settles a successful attempt. Attempts that end during a write share the next one. */
  complete(ended: Ended): Promise<void> {
    return this.#completions.add(ended);
  }

  /** Hands unstarted jobs back to the queue, unchanged. */
  async handBack(claims: readonly Claim[]): Promise<void> {
    if (claims.length === 0) return;
    try {
      await persist(() => this.#writeHandBack(claims, 'it had not been started'));
      for (const claim of claims) this.#report({ claim, durationMs: 0 }, 'handed back');
    } catch (error) {
      const line = { err: error, queue: this.#queue };
      this.#deps.app.log.error(line, 'could not hand jobs back; they run again when their heartbeats end');
    }
  }

  /** Settles an unsuccessful attempt: retries it, moves it to the dead letter queue, or hands it back. */
  async fail(ended: Ended, error: unknown): Promise<void> {
    const { claim } = ended;
    const outcome = outcomeOf(error, claim);
    const isLast =
      outcome === 'given up' ||
      ((outcome === 'failed' || outcome === 'timed out') && claim.attempt > claim.retryLimit);
    try {
      if (outcome !== 'taken away') await persist(() => this.#writeFailure(claim, outcome, error));
      await this.#endProbe(claim, outcome);
      this.#report(ended, outcome, { error, isLast });
    } catch (failure) {
      const line = { err: failure, queue: this.#queue, jobId: claim.jobId };
      this.#deps.app.log.error(line, 'could not write a failure; the job will run again');
    }
  }

  async #writeCompletions(all: readonly Ended[]): Promise<void> {
    const { app, boss, db } = this.#deps;
    try {
      // Most have no result, and share a statement.
      for (const [result, some] of Map.groupBy(all, ({ claim }) => claim.report.result)) {
        const attempts = some.map(({ claim }) => ({ id: claim.jobId, retryCount: claim.attempt - 1 }));
        await persist(() => boss.complete(this.#queue, attempts, result, { db: fromKysely(db) }));
      }
      for (const ended of all) {
        await this.#endProbe(ended.claim, 'completed');
        this.#report(ended, 'completed');
      }
    } catch (error) {
      app.log.error({ err: error, queue: this.#queue }, 'could not write results; these jobs will run again');
    }
  }

  async #writeFailure(claim: Claim, outcome: JobAttemptOutcome, error: unknown): Promise<void> {
    const { boss, db, worker } = this.#deps;
    const message = redactText(messageOf(error, outcome));
    if (error instanceof SlowDown && outcome === 'deferred') return this.#writeBreak(claim, error, message);
    if (outcome === 'handed back' || outcome === 'deferred') {
      return this.#writeHandBack([claim], message, { outcome, ...waitOf(error) });
    }
    const attempt = { id: claim.jobId, retryCount: claim.attempt - 1 };
    await claim.recorded;
    await db.transaction().execute(async (trx) => {
      await recordAttemptEnds(trx, [claim], { worker, outcome, error: message });
      if (outcome === 'given up') await forbidRetries(trx, [claim]);
      await boss.fail(this.#queue, attempt, { message }, { db: fromKysely(trx) });
    });
  }

  async #writeHandBack(
    claims: readonly Claim[],
    error: string,
    { outcome = 'handed back', ...options }: { outcome?: 'handed back' | 'deferred' } & HandBackOptions = {},
  ): Promise<void> {
    const { db, worker, notify } = this.#deps;
    await Promise.all(claims.map(({ recorded }) => recorded));
    const taken = claims.reduce((sum, { takenSeconds }) => sum + takenSeconds, 0);
    await db.transaction().execute(async (trx) => {
      await forgetRepeatedHandBacks(trx, claims, { worker, error });
      await recordAttemptEnds(trx, claims, { worker, outcome, error });
      await handBack(trx, claims, options);
      if (taken > 0) await giveBack(trx, this.#queue, taken);
      await notify(trx, WORKERS_CHANNEL, [this.#queue]);
    });
  }

  /** Makes the queue wait, and hands the job back. */
  async #writeBreak(claim: Claim, { seconds }: SlowDown, message: string): Promise<void> {
    const { db, worker } = this.#deps;
    await claim.recorded;
    await db.transaction().execute(async (trx) => {
      const { jobId } = claim;
      await openBreaker(trx, this.#queue, { jobId, reason: message, seconds });
      await forgetRepeatedHandBacks(trx, [claim], { worker, error: message });
      await recordAttemptEnds(trx, [claim], { worker, outcome: 'deferred', error: message });
      await handBack(trx, [claim], { delaySeconds: UNTIL_KNOWN_SECONDS, reason: message });
    });
  }

  /** After a probe: lets the queue continue, or lets another job be tried if this one was not. Never rejects. */
  async #endProbe({ isProbe, jobId }: Claim, outcome: JobEnd['outcome']): Promise<void> {
    if (!isProbe) return;
    const { app, db } = this.#deps;
    const wasTried = outcome !== 'handed back' && outcome !== 'deferred' && outcome !== 'taken away';
    try {
      await persist(() => (wasTried ? closeBreaker : probeNow)(db, this.#queue, jobId));
    } catch (error) {
      app.log.error({ err: error, queue: this.#queue }, 'could not end a probe; another follows');
    }
  }

  #report(
    { claim: { jobId, attempt, origin, enqueuedAt }, durationMs }: Ended,
    outcome: JobEnd['outcome'],
    { error, isLast = false }: { error?: unknown; isLast?: boolean } = {},
  ): void {
    const { requestId } = origin;
    const ageMs = performance.now() - enqueuedAt;
    const end = { queue: this.#queue, jobId, attempt, durationMs, ageMs, requestId, outcome, error, isLast };
    this.#deps.events.emit('ended', end);
  }
}

function messageOf(error: unknown, outcome: JobAttemptOutcome): string {
  const message = error instanceof Error ? error.message : String(error);
  const isTooOld = outcome === 'given up' && error instanceof TryLater;
  return isTooOld ? `waited for more than ${MAX_DAYS_DEFERRED} days: ${message}` : message;
}

/** How long a job whose attempt does not count waits, and why. */
function waitOf(error: unknown): HandBackOptions {
  if (error instanceof OverLimit)
    return { delaySeconds: error.seconds, reason: error.message, key: error.key };
  if (error instanceof TryLater) return { delaySeconds: error.seconds, reason: error.message };
  return error instanceof UnknownPayload ? { delaySeconds: UNKNOWN_PAYLOAD_SECONDS } : {};
}
