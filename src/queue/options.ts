import type { FastifyInstance } from 'fastify';
import type { Kysely } from 'kysely';
import type { Clock } from 'pg-boss';
import { Channels } from './channels.ts';
import { type Connection, connectionTo } from './connection.ts';
import type { Origin } from './origin.ts';
import type { QueueTables } from './tables.ts';
import { type Notify, notifyWithCommit } from './wake.ts';

/** What an application gives its queue. */
export interface QueueOptions {
  /** The application's database, with the queue's tables. */
  readonly db: Kysely<QueueTables>;
  /** For a few connections besides those of `db`. */
  readonly connection: Connection;
  /** Whether this process looks after all queues: it counts them, and finds jobs of dead workers. Workers should. Default true. */
  readonly supervises?: boolean;
  /** How long running jobs may go on when the app closes. Default 25. */
  readonly graceSeconds?: number;
  /** The application's version, which its workers report. */
  readonly version?: string;
  /** Receives PostgreSQL's NOTIFY, if the application does it for itself. */
  readonly channels?: Pick<Channels, 'listen'>;
  /** Sends NOTIFY when a transaction has committed. By default with the commit, which then waits for others that do the same. */
  readonly notify?: Notify;
  /** What follows a request into the jobs that it causes, such as its id and trace. */
  readonly context?: JobContextStore;
  /** Called when the database has failed and the queue tries again. Logs each by default. */
  readonly logFailure?: (error: unknown, details: object, message: string) => void;
  /** Of jobs, for tests about time. */
  readonly clock?: Clock | undefined;
}

/** Connects jobs with what has caused them. */
export interface JobContextStore {
  /** Stored with a job that is enqueued now. */
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

/** The options, completed. */
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
