import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import type { Clock } from 'pg-boss';
import { Channels } from './channels.ts';
import { type Connection, connectionTo } from './connection.ts';
import type { Origin } from './origin.ts';
import type { QueueTables } from './tables.ts';
import { type Notify, notifyWithCommit } from './wake.ts';

/** The options of the plugin. */
export interface QueueOptions {
  /** The application's database, with the queue's tables. */
  readonly db: Kysely<QueueTables>;
  /** For the queue's own connections, besides those of `db`. */
  readonly connection: Connection;
  /** Whether this process supervises all queues: counts jobs and finds those of dead workers. Workers should. Default true. */
  readonly supervises?: boolean;
  /** How long running jobs may continue when the app closes. Default 25. */
  readonly graceSeconds?: number;
  /** The application's version, which its workers report. */
  readonly version?: string;
  /** Receives PostgreSQL's NOTIFY. By default on a connection of its own. */
  readonly channels?: Pick<Channels, 'listen'>;
  /** Sends NOTIFY after a transaction has committed. By default with the commit, which then waits for other such commits. */
  readonly notify?: Notify;
  /** Passes a request's context, such as its id and trace, on to the jobs that it causes. */
  readonly context?: JobContextStore;
  /** Called when the database has failed and the queue will try again. Logs each failure by default. */
  readonly logFailure?: (error: unknown, details: object, message: string) => void;
  /** For tests about time. */
  readonly clock?: Clock | undefined;
}

/** Connects jobs with their causes. */
export interface JobContextStore {
  /** Returns what to store with a job that is enqueued now. */
  origin(): Origin;
  /** Runs an attempt at a job. */
  run<T>(attempt: RunningAttempt, work: () => Promise<T>): Promise<T>;
}

export interface RunningAttempt {
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly origin: Origin;
}

/** The options with their defaults, and the app. */
export interface Parts extends Required<Omit<QueueOptions, 'clock'>> {
  /** Passed to the jobs. */
  readonly app: FastifyInstance;
  readonly clock: Clock | undefined;
}

export function partsOf(app: FastifyInstance, { clock, ...options }: QueueOptions): Parts {
  const logFailure: Parts['logFailure'] = (error, details, message) =>
    app.log.error({ err: error, ...details }, message);
  return {
    app,
    clock,
    supervises: true,
    graceSeconds: 25,
    version: '',
    context: { origin: () => ({}), run: (_attempt, work) => work() },
    logFailure,
    notify: notifyWithCommit,
    channels: new Channels({
      connection: () => connectionTo(options.connection, 'listener'),
      onError: (error) => (options.logFailure ?? logFailure)(error, {}, 'lost the connection for LISTEN'),
    }),
    ...options,
  };
}
