import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NODE_ARGUMENTS } from '../support/node-arguments.ts';

const END_WITH_PARENT = pathToFileURL(join(import.meta.dirname, 'end-with-parent.ts')).href;

/** A process for one side of a comparison, run like the application's own. It reports `ready` and answers questions. */
export class Helper {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(([code]) => {
      throw new Error(`a benchmark process exited with ${code}`);
    });
    this.#ended.catch(() => {});
  }

  static async start(name: string, env: Readonly<Record<string, string>>): Promise<Helper> {
    const child = fork(join(import.meta.dirname, 'processes', `${name}.ts`), {
      env: { ...process.env, ...env },
      execArgv: [...NODE_ARGUMENTS, `--import=${END_WITH_PARENT}`],
    });
    const helper = new Helper(child);
    await helper.#message();
    return helper;
  }

  /** Sends a question and waits for the answer. */
  async ask(question: string): Promise<unknown> {
    const answer = this.#message();
    this.#child.send(question);
    return answer;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }

  async #message(): Promise<unknown> {
    const [message] = await Promise.race([once(this.#child, 'message'), this.#ended]);
    return message;
  }
}
