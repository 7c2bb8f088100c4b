import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NODE_ARGUMENTS } from '../support/node-arguments.ts';

const WORKER = join(import.meta.dirname, '..', '..', 'src', 'worker.ts');

/** Runs workers like an orchestrator: one that dies is replaced. */
export class WorkerPool {
  killed = 0;
  readonly #env: Record<string, string>;
  readonly #children = new Set<ChildProcess>();
  readonly #working = new Set<ChildProcess>();
  #isStopping = false;

  private constructor(env: Record<string, string>) {
    this.#env = env;
  }

  /** Starts this many workers and waits until they are ready. */
  static async start(count: number, env: Record<string, string>): Promise<WorkerPool> {
    const pool = new WorkerPool(env);
    await Promise.all(Array.from({ length: count }, () => once(pool.#start(), 'message')));
    return pool;
  }

  /** Kills a working worker with SIGKILL every second or two, until it is stopped or has killed `most`. */
  killRegularly(most: number): { stop(): Promise<void> } {
    let isOver = false;
    const killing = (async () => {
      while (!isOver && this.killed < most) {
        await sleep(1_000 + Math.random() * 1_000);
        const working = [...this.#working];
        const victim = working[Math.floor(Math.random() * working.length)];
        if (victim?.kill('SIGKILL')) this.killed += 1;
      }
    })();
    return {
      async stop() {
        isOver = true;
        await killing;
      },
    };
  }

  /** The resident memory of each worker, in bytes. Only on Linux. */
  async memory(): Promise<number[]> {
    const pages = await Promise.all(
      [...this.#children].map(async ({ pid }) =>
        Number((await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '0 0')).split(' ')[1]),
      ),
    );
    return pages.map((count) => count * 4096);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(
      [...this.#children].map(async (child) => {
        const exited = once(child, 'exit');
        child.kill('SIGTERM');
        await exited;
      }),
    );
  }

  #start(): ChildProcess {
    const child = fork(WORKER, [], {
      execArgv: [...NODE_ARGUMENTS],
      env: { ...process.env, ...this.#env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#children.add(child);
    child.once('message', () => this.#working.add(child)); // It is ready.
    child.once('exit', async () => {
      this.#children.delete(child);
      this.#working.delete(child);
      if (this.#isStopping) return;
      await sleep(200);
      if (!this.#isStopping) this.#start();
    });
    return child;
  }
}
