import { Worker as Thread } from 'node:worker_threads';
import type { ClaimKey } from './claim-key.ts';
import type { Connection } from './connection.ts';
import type { Orders } from './heartbeat-statements.ts';
import type { Parts } from './options.ts';
import { PRESENCE_SECONDS } from './presence.ts';

/** A worker's state. */
export interface Report {
  readonly held: readonly HeldJob[];
  /** Whether it has polled since its last report. */
  readonly hasPolled: boolean;
  /** The longest delay of its event loop since the last report, in milliseconds. */
  readonly loopDelayMs: number;
}

/** A job that the worker has fetched and not yet settled. */
export interface HeldJob extends ClaimKey {
  readonly attempt: number;
  /** False while it waits for a slot. */
  readonly isStarted: boolean;
}

/** The result of a heartbeat, or why it failed. */
export type Beat =
  | { readonly lost: readonly ClaimKey[]; readonly orders: Orders | undefined }
  | { readonly failure: { readonly message: string; readonly code: unknown } };

/** What the thread starts with. */
export interface ThreadData {
  readonly connection: Connection;
  readonly workerId: number;
  /** Statements to run on each new connection. */
  readonly session: readonly string[];
  /** Milliseconds between two heartbeats. */
  readonly everyMs: number;
  readonly report: Report;
}

interface Options extends Pick<ThreadData, 'workerId' | 'session'> {
  report(): Report;
  onBeat(beat: Exclude<Beat, { failure: unknown }>): void;
}

type HeartbeatParts = Pick<Parts, 'app' | 'connection' | 'logFailure'>;

/** How soon a failed thread is replaced. */
const RESTART_MS = 1_000;

/**
 * A worker's heartbeats. A separate thread sends them on its own connection, because a job may block this thread for longer than
 * a heartbeat may be late. The thread runs until `stop`. A worker that hangs forever still loses its jobs: pg-boss fails an
 * attempt a minute after its timeout, with or without heartbeats.
 */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #options: Options;
  #thread: Thread;
  #restart: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** Starts the heartbeats. */
  constructor(parts: HeartbeatParts, options: Options) {
    this.#parts = parts;
    this.#options = options;
    this.#thread = this.#start();
  }

  /** Sends the worker's current state to the thread. */
  report(): void {
    this.#thread.postMessage(this.#options.report());
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#restart);
    await this.#thread.terminate();
  }

  #start(): Thread {
    const { app, connection, logFailure } = this.#parts;
    const { workerId, session } = this.#options;
    const workerData: ThreadData = {
      connection,
      workerId,
      session,
      everyMs: PRESENCE_SECONDS * 1000,
      report: this.#options.report(),
    };
    const thread = new Thread(new URL('./heartbeat-thread.ts', import.meta.url), { workerData });
    thread.unref();
    thread.on('message', (beat: Beat) => {
      if (this.#isStopped) return;
      if (!('failure' in beat)) return this.#options.onBeat(beat);
      const { message, code } = beat.failure;
      logFailure(Object.assign(new Error(message), { code }), {}, 'heartbeat failed');
    });
    thread.on('error', (error) => app.log.error({ err: error }, 'the heartbeat thread failed'));
    thread.on('exit', () => {
      if (this.#isStopped) return;
      this.#restart = setTimeout(() => {
        this.#thread = this.#start();
      }, RESTART_MS);
    });
    return thread;
  }
}
