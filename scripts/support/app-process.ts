import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { NODE_ARGUMENTS } from './node-arguments.ts';
import { findFreePort } from './postgres-cluster.ts';

const SOURCES = join(import.meta.dirname, '..', '..', 'src');

const LIVE_HEAP = pathToFileURL(join(import.meta.dirname, 'live-heap.ts')).href;

/** pino's level `error`. */
const ERROR = 50;

/** The resources a process uses. Only on Linux. */
export interface Resources {
  /** Resident memory, in bytes. */
  readonly rss: number;
  /** The same, with memory shared with other processes divided among them. */
  readonly pss: number;
  /** Open file descriptors. */
  readonly files: number;
}

/** A web or worker process, started as by an operator. Collects its errors. */
export class AppProcess {
  readonly name: string;
  /** Where a web process listens. */
  readonly port: number;
  /** Log lines of level `error` and above, and everything on stderr. */
  readonly complaints: string[] = [];
  readonly #child: ChildProcess;

  private constructor(name: string, port: number, child: ChildProcess) {
    this.name = name;
    this.port = port;
    this.#child = child;
    if (child.stdout) createInterface(child.stdout).on('line', (line) => this.#readLog(line));
    if (child.stderr) createInterface(child.stderr).on('line', (line) => this.complaints.push(line));
  }

  /** Starts a process and waits until it is ready. */
  static async start(role: 'server' | 'worker', env: Readonly<Record<string, string>>): Promise<AppProcess> {
    const port = await findFreePort();
    const child = fork(join(SOURCES, `${role}.ts`), {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        PORT: String(port),
        ...env,
      },
      execArgv: [...NODE_ARGUMENTS, `--import=${LIVE_HEAP}`],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const started = new AppProcess(role === 'server' ? 'web' : 'worker', port, child);
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the ${started.name} process did not start:\n${started.complaints.join('\n')}`);
    });
    await Promise.race([once(child, 'message'), ended]);
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async resources(): Promise<Resources> {
    const folder = `/proc/${this.#child.pid}`;
    const [rollup, files] = await Promise.all([
      readFile(`${folder}/smaps_rollup`, 'utf8'),
      readdir(`${folder}/fd`),
    ]);
    const read = (name: string) => 1024 * Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(rollup)?.[1]);
    return { rss: read('Rss'), pss: read('Pss'), files: files.length };
  }

  /** The heap in use after a garbage collection, in bytes. Collecting takes a moment, so do not call this often. */
  async liveHeap(): Promise<number> {
    const answer = once(this.#child, 'message');
    this.#child.send('live heap');
    const [{ liveHeap }] = await answer;
    return liveHeap;
  }

  async stop(): Promise<void> {
    if (this.hasExited) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }

  #readLog(line: string): void {
    const level = /^\{"level":(\d+)/.exec(line)?.[1];
    if (level === undefined || Number(level) >= ERROR) this.complaints.push(line);
  }
}
