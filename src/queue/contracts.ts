import { type Static, type TObject, type TProperties, type TUnion, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Db } from '../database/schema.ts';

/** What a queue promises: its name, what its jobs carry, and how they are worked. No handler is known here. */
export interface QueueContract<Payload extends object = object> {
  readonly name: string;
  /** Whether a value is a payload of this queue, checked when it is enqueued and again when it is worked. */
  isPayload(value: unknown): value is Payload;
  /** Why a value is no payload, naming the field. Undefined when it is one. */
  faultOf(value: unknown): string | undefined;
  readonly retry: {
    /** Tries after the first, until the job goes to `NAME.dead`. */
    readonly limit: number;
    /** The wait before the first retry; it doubles each time, with jitter of up to half. */
    readonly delaySeconds: number;
    readonly maxDelaySeconds: number;
  };
  /** How long one attempt may take until its signal is aborted and it counts as failed. */
  readonly timeoutSeconds: number;
  /** How many of its jobs one worker does at a time. By default as many as the worker has slots. */
  readonly concurrency?: number;
  /**
   * How many jobs a worker fetches beyond its free slots. For short jobs, which would otherwise each wait for a fetch
   * of their own. They are handed back if no slot becomes free for them soon. Default 0.
   */
  readonly prefetch?: number;
  /** Jobs of higher priority are taken first. Default 0. */
  readonly priority?: number;
  /** Of jobs with the same key only one waits at a time; enqueueing another has no effect. */
  uniqueKey?(payload: Payload): string;
  /** Enqueues a job of itself, once for all workers, and once after an outage. */
  readonly schedule?: {
    /** Five fields, in UTC. */
    readonly cron: string;
    readonly payload: Payload;
  };
}

export type PayloadOf<Contract> = Contract extends QueueContract<infer Payload> ? Payload : never;

export interface SendOptions {
  /** The transaction of the change that causes the job: the job exists when, and only when, it commits. */
  readonly db: Db;
  /** Instead of the contract's. */
  readonly priority?: number;
  /** The job is not worked before this moment. */
  readonly startAfter?: Date;
  /** Instead of the contract's unique key. Only for queues that have one. */
  readonly unique?: string;
}

/** The side of the queue the domain sees. */
export interface Queue {
  /**
   * Enqueues a job.
   *
   * @returns the job's id; undefined when a job with the same unique key waits already
   * @throws TypeError when the payload does not fit the contract
   */
  send<Payload extends object>(
    contract: QueueContract<Payload>,
    payload: NoInfer<Payload>,
    options: SendOptions,
  ): Promise<string | undefined>;

  /**
   * Enqueues many jobs of one queue with one statement.
   *
   * @throws TypeError when a payload does not fit the contract; then none is enqueued
   */
  sendAll<Payload extends object>(
    contract: QueueContract<Payload>,
    payloads: readonly NoInfer<Payload>[],
    options: Pick<SendOptions, 'db' | 'priority'>,
  ): Promise<void>;
}

/** Where jobs of a queue end that have used up their retries, or can never succeed. */
export function deadLetterName(contract: Pick<QueueContract, 'name'>): string {
  return `${contract.name}.dead`;
}

/**
 * Mail to one person. A mail server that is away for days must not lose a mail: the waits grow from 2 seconds to
 * 15 minutes, and 400 tries make four days, what RFC 5321 (4.5.4.1) asks of a sender before it gives up.
 */
export const mailQueue = defineQueue({
  name: 'mail',
  payload: Type.Union([
    mail('confirm-account', { userId: id() }),
    /** A request, whose address may be nobody's: the account is looked up when the mail is written. */
    mail('reset-password', { passwordResetId: id() }),
    /** Goes to the new address of the change, the next two to its old one. */
    mail('change-email', { emailChangeId: id() }),
    mail('email-changed', { emailChangeId: id() }),
    mail('email-changed-for-you', { emailChangeId: id() }),
    mail('password-changed', { userId: id() }),
    /** `address`: the network address that the log-in came from. */
    mail('new-login', { userId: id(), address: Type.String({ maxLength: 64 }) }),
    mail('new-comments', { userId: id(), postId: id(), firstCommentId: id(), lastCommentId: id() }),
    /** `week`: the Monday it begins with. */
    mail('weekly-digest', { userId: id(), week: date() }),
    mail('export-ready', { userId: id(), exportId: id() }),
  ]),
  retry: { limit: 400, delaySeconds: 2, maxDelaySeconds: 15 * 60 },
  timeoutSeconds: 120,
  prefetch: 40,
});

/** Mail that many get at once steps back for mail that somebody waits for. */
export const BULK_MAIL_PRIORITY = -10;

/** A few tries over some minutes, for work that only needs the database. */
const DATABASE_ONLY = { limit: 10, delaySeconds: 5, maxDelaySeconds: 5 * 60 };

/** Collects what is new under a post, for one mail to its author. */
export const commentNoticeQueue = defineQueue({
  name: 'comment-notice',
  payload: Type.Object({ postId: id() }, { additionalProperties: false }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30,
  uniqueKey: ({ postId }) => String(postId),
});

/** Sends everybody who wants one the digest of the week before: on Mondays at seven. */
export const digestQueue = defineQueue({
  name: 'digest',
  payload: Type.Object({}, { additionalProperties: false }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  concurrency: 1,
  schedule: { cron: '0 7 * * 1', payload: {} },
});

/** Writes one person's export. */
export const exportQueue = defineQueue({
  name: 'exports',
  payload: Type.Object({ exportId: id() }, { additionalProperties: false }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30 * 60,
  concurrency: 2,
});

/** Removes what has expired: every hour, at a time when nothing else is scheduled. */
export const pruneQueue = defineQueue({
  name: 'prune',
  payload: Type.Object({}, { additionalProperties: false }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  concurrency: 1,
  schedule: { cron: '23 * * * *', payload: {} },
});

/** Tells the operator of an error. It gives up sooner than other mail: an error of last week helps nobody. */
export const alarmQueue = defineQueue({
  name: 'alarm',
  payload: Type.Object({ alarmId: id() }, { additionalProperties: false }),
  retry: { limit: 30, delaySeconds: 5, maxDelaySeconds: 15 * 60 },
  timeoutSeconds: 120,
  concurrency: 1,
});

/** Every queue there is: `npm run migrate` creates them and brings their settings up to date. */
export const queueContracts: readonly QueueContract[] = [
  mailQueue,
  commentNoticeQueue,
  digestQueue,
  exportQueue,
  pruneQueue,
  alarmQueue,
];

function mail<const Template extends string, Fields extends TProperties>(template: Template, fields: Fields) {
  return Type.Object({ template: Type.Literal(template), ...fields }, { additionalProperties: false });
}

function id() {
  return Type.Integer({ minimum: 1 });
}

function date() {
  return Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' });
}

/**
 * Makes a contract from the schema of its payloads. A payload holds ids and names only: no secret, and no object
 * that could be stale when the job runs.
 */
export function defineQueue<Schema extends TObject | TUnion<TObject[]>>({
  payload,
  ...settings
}: Omit<QueueContract<Static<Schema>>, 'isPayload' | 'faultOf'> & { payload: Schema }): QueueContract<
  Static<Schema>
> {
  const variants = ('anyOf' in payload ? payload.anyOf : [payload]).map((variant) => Compile(variant));
  return Object.freeze({
    ...settings,
    isPayload: (value: unknown): value is Static<Schema> => variants.some((variant) => variant.Check(value)),
    faultOf(value: unknown) {
      const faults = variants.map((variant) => variant.Errors(value));
      // Report the variant that the value is meant for: the one whose literals it has.
      const [fault] =
        faults.find((list) => list.every(({ keyword }) => keyword !== 'const')) ?? faults.flat();
      return fault && `${fault.instancePath || 'payload'} ${fault.message}`;
    },
  });
}
