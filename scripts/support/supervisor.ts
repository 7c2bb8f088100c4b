import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../../src/errors.ts';

export interface ProcessOptions {
  /** The process's name in messages. */
  readonly name: string;
  /** Arguments for Node: flags, the script, the script's arguments. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

const FIRST_BACKOFF_MS = 500;
const MAX_DEATHS = 5;

/** After a process has been ready for this long, its earlier deaths no longer count. */
const RECOVERED_MS = 60_000;

/** The exit code of a process with an invalid configuration, which a restart cannot help. */
const MISCONFIGURED = 2;

/**
 * Keeps a process running: restarts it when it dies, waiting longer each time, and gives up if it dies too often. The
 * process has its own process group, so that Ctrl-C only reaches the supervisor, which stops its processes in order. If the
 * supervisor is killed, the process notices that its channel closed, and stops.
 */
export class SupervisedProcess {
  readonly #options: ProcessOptions;
  readonly #report: (line: string) => void;
  readonly #ready = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<never>();
  #child: ChildProcess | undefined;
  #isStopping = false;

  constructor(options: ProcessOptions, report: (line: string) => void) {
    this.#options = options;
    this.#report = report;
    this.#failed.promise.catch(() => {}); // Only awaited once the whole system is running.
    void this.#keepRunning().catch(this.#failed.reject);
  }

  /** Settles when the process first reports that it is ready. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Rejects with a StartupError if the process cannot be kept running. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Stops the process, and kills it after the timeout. */
  async stop(timeoutMs: number): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === undefined || hasExited(child)) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.#report(`The ${this.#options.name} process did not stop in time and was killed.`);
      child.kill('SIGKILL');
    }, timeoutMs);
    await exited;
    clearTimeout(timer);
  }

  async #keepRunning(): Promise<void> {
    let deaths = 0;
    while (!this.#isStopping) {
      const end = await this.#runOnce();
      if (this.#isStopping) return;
      deaths = end.readyMs < RECOVERED_MS ? deaths + 1 : 1;
      if (end.code === MISCONFIGURED) {
        throw new StartupError(2, `The ${this.#options.name} process cannot start with this configuration.`);
      }
      if (deaths >= MAX_DEATHS) {
        throw new StartupError(1, `The ${this.#options.name} process died ${deaths} times in a row.`);
      }
      const backoffMs = FIRST_BACKOFF_MS * 2 ** (deaths - 1);
      this.#report(
        `The ${this.#options.name} process ended (${end.text}). It restarts in ${backoffMs / 1000} s.`,
      );
      await sleep(backoffMs);
    }
  }

  async #runOnce(): Promise<{ code: number | null; text: string; readyMs: number }> {
    const { args, env } = this.#options;
    const child = spawn(process.execPath, args, {
      env,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    let readyAt = Number.POSITIVE_INFINITY;
    child.on('message', (message) => {
      if (message !== 'ready') return;
      readyAt = Date.now();
      this.#ready.resolve();
    });
    const [code, signal] = await once(child, 'exit');
    return { code, text: signal ?? `exit code ${code}`, readyMs: Math.max(0, Date.now() - readyAt) };
  }
}

function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
