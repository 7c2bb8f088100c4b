import { type Static, type TObject, type TUnion, Type } from 'typebox';
import { Compile } from 'typebox/schema';
import { ORIGIN_FIELDS } from './origin.ts';
import type { Rate } from './rate.ts';
import { type Recurrence, validateRecurrence } from './recurrence.ts';

/** Reports a job's progress: how much is done, the total, and optionally the current step. */
export type Progress = (done: number, total: number, words?: string) => void;

/** The key of each job, and a rule for jobs with the same key. */
export type JobKey<Payload> = {
  of(payload: Payload): string;
} & (
  | {
      /**
       * - `unique-while-waiting`: only one waits; sending another has no effect.
       * - `unique-until-done`: the same, also while one runs or waits for a retry.
       * - `replace`: only one waits, and takes over the payload and start time of each newer one that is sent. One runs at a
       *   time, and one that waits for a retry is cancelled when a newer one starts.
       * - `in-order`: each starts when all that were sent before it have ended, including their retries. A deferred one holds
       *   up the others, but one that failed for good does not: if it is redriven, it goes last. Transactions that send jobs
       *   with the same key wait for each other.
       */
      readonly rule: 'unique-while-waiting' | 'unique-until-done' | 'replace' | 'in-order';
    }
  | {
      /** Like `replace`, but each sending restarts the wait. */
      readonly rule: 'debounce';
      /** How long a job waits after the last sending. If its key is sent more often than that, it never runs. */
      readonly seconds: number;
    }
);

/** A queue's name, its payload, and how its jobs run. Has no handler. */
export interface QueueContract<Payload extends object = object> {
  readonly name: string;
  /** Whether a value fits the payload schema. Checked on enqueueing and before running. */
  isPayload(value: unknown): value is Payload;
  /** Why a value does not fit, naming the field; undefined if it fits. */
  describeMismatch(value: unknown): string | undefined;
  readonly retry: {
    /** Retries before the job goes to `NAME.dead`. */
    readonly limit: number;
    /** The delay before the first retry. It doubles each time, with a jitter of up to half. */
    readonly delaySeconds: number;
    readonly maxDelaySeconds: number;
  };
  /** How long an attempt may take before its signal is aborted and it fails. */
  readonly timeoutSeconds: number;
  /**
   * `thread` for jobs that compute. What a handler passes to `context.compute` then runs in a thread and blocks no other job.
   * A job only starts when a thread is free.
   */
  readonly runs?: 'thread';
  /** Concurrent jobs per worker. Default: the worker's slots. */
  readonly concurrency?: number;
  /** Concurrent jobs across all workers. Workers then fetch in turn and without `prefetch`, so this is for longer jobs. */
  readonly totalConcurrency?: number;
  /** The same for jobs with the same key, such as the id of the person they are about. */
  readonly perKey?: {
    of(payload: Payload): string;
    readonly concurrency: number;
  };
  /**
   * Jobs that a worker fetches in addition to its free slots, so that short jobs do not each wait for a fetch. They are
   * handed back if no slot becomes free soon. Default 0.
   */
  readonly prefetch?: number;
  /** Jobs with a higher priority run first. Default 0. */
  readonly priority?: number;
  /** How many jobs may start across all workers, unless an Operator sets another limit. */
  readonly rate?: Rate;
  /**
   * The name of a key that Operators can limit separately, such as `recipient domain`. A job reports its key with
   * `context.pass`.
   */
  readonly limitedBy?: string;
  /** Which jobs have the same key, and what happens to them. A queue with keys cannot be part of a flow or a batch. */
  readonly key?: JobKey<Payload>;
  /** When to enqueue jobs automatically: once each time, however many workers there are, and once after an outage. */
  readonly schedules?: readonly Schedule<Payload>[];
}

/** When to enqueue a job with a payload. */
export type Schedule<Payload extends object = object> = Recurrence & {
  /** Distinguishes it from the queue's other schedules. Lower case, with hyphens. */
  readonly name: string;
  /** A name of the IANA database, such as `Europe/Berlin`. Default: that of `migrateQueue`. */
  readonly timeZone?: string;
  readonly payload: Payload;
};

/** How the jobs of a batch ended. One that was retried or redriven counts once, by its last end. */
export interface BatchCounts {
  readonly done: number;
  /** Moved to the dead letter queue. */
  readonly failed: number;
  /** Or deleted. */
  readonly cancelled: number;
  /** Not ended when the batch became too old. */
  readonly unfinished: number;
}

/** The payload of a job that runs after a batch. */
export interface BatchPayload {
  readonly counts: BatchCounts;
}

/** The schema of `counts` in such a payload. */
export function batchCounts() {
  const count = Type.Integer({ minimum: 0 });
  const counts = { done: count, failed: count, cancelled: count, unfinished: count };
  return Type.Object(counts, { additionalProperties: false });
}

/** Ten retries within half an hour, for work that only needs the database. */
export const DATABASE_ONLY = { limit: 10, delaySeconds: 5, maxDelaySeconds: 5 * 60 };

/**
 * Defines a contract. A payload should only hold ids and names: no secrets, and nothing that could be stale when the job runs.
 *
 * @throws TypeError for a payload with a reserved field, and for a schedule that never comes due or whose payload does not fit
 */
export function defineQueue<Schema extends TObject | TUnion<TObject[]>>({
  payload,
  ...settings
}: Omit<QueueContract<Static<Schema>>, 'isPayload' | 'describeMismatch'> & {
  payload: Schema;
}): QueueContract<Static<Schema>> {
  const schemas = objectsOf(payload);
  for (const schema of schemas) assertUnreserved(settings.name, schema);
  const variants = schemas.map((schema) => Compile(schema));
  const isPayload = (value: unknown): value is Static<Schema> =>
    variants.some((variant) => variant.Check(value));
  const contract = Object.freeze({
    ...settings,
    isPayload,
    describeMismatch(value: unknown) {
      if (isPayload(value)) return undefined;
      const faults = variants.map((variant) => variant.Errors(value)[1]);
      // Report the errors of the variant whose literals match.
      const [fault] =
        faults.find((list) => list.every(({ keyword }) => keyword !== 'const')) ?? faults.flat();
      return fault && `${fault.instancePath || 'payload'} ${fault.message}`;
    },
  });
  assertSchedules(contract);
  return contract;
}

function objectsOf(payload: TObject | TUnion<TObject[]>): readonly TObject[] {
  return 'anyOf' in payload ? payload.anyOf : [payload];
}

function assertUnreserved(queue: string, { properties }: TObject): void {
  const reserved = ORIGIN_FIELDS.find((field) => field in properties);
  if (reserved !== undefined)
    throw new TypeError(`payload of ${queue}: ${reserved}: the queue needs this name itself; choose another`);
}

function assertSchedules({ name: queue, schedules = [], describeMismatch }: QueueContract): void {
  const names = new Set<string>();
  for (const schedule of schedules) {
    const { name, timeZone, payload } = schedule;
    const fault = !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)
      ? 'name: give lower-case words with hyphens between them'
      : names.has(name)
        ? 'name: another schedule of this queue has it'
        : (validateRecurrence(schedule, timeZone) ?? describeMismatch(payload));
    if (fault !== undefined) throw new TypeError(`schedule "${name}" of ${queue}: ${fault}`);
    names.add(name);
  }
}
