import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { Scope } from './scope.ts';
import { waitFor } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** A process of the project, started as by an operator. */
export class RunningProcess {
  readonly child: ChildProcess;
  output = '';
  /** Settles when it has ended and all its output was read, with its exit code or signal. */
  readonly #closed: Promise<number | NodeJS.Signals>;
  #isClosed = false;

  constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (this.output += chunk));
    this.#closed = new Promise((resolve) => {
      child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
        this.#isClosed = true;
        resolve(code ?? signal ?? 1);
      });
    });
  }

  /** Waits until the process has printed something. */
  async prints(pattern: string | RegExp): Promise<void> {
    const hasPrinted = () =>
      typeof pattern === 'string' ? this.output.includes(pattern) : pattern.test(this.output);
    await waitFor(
      () => hasPrinted() || this.#isClosed,
      () => `the process prints ${pattern}: ${this.output}`,
    );
    if (!hasPrinted()) throw new Error(`the process ended without printing ${pattern}: ${this.output}`);
  }

  /** Sends a signal. Returns the exit code or signal. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.#closed;
  }

  /** Stops it where it is, as an overloaded or suspended machine does. It keeps its connections and locks. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  /** Lets a frozen process go on. */
  thaw(): void {
    this.child.kill('SIGCONT');
  }

  /** Waits for the end. Returns the exit code or signal. */
  exited(): Promise<number | NodeJS.Signals> {
    return this.#closed;
  }
}

/** Starts a script with only the given environment. It ends with the test. */
export function start(
  t: Scope,
  [script, ...args]: [string, ...string[]],
  env: Record<string, string>,
): RunningProcess {
  const child = spawn(process.execPath, [resolve(ROOT, script), ...args], {
    cwd: join(ROOT, 'test'), // Where no developer's .env is.
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const running = new RunningProcess(child);
  t.teardown(() => running.end('SIGTERM'));
  return running;
}
