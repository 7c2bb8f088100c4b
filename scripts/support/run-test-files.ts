import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Parser, type Result } from 'tap-parser';
import { NEXT_FILE, NO_FILE } from './next-file.ts';

/** Ends files that hang. Not meant as a limit for slow ones. */
const HANG_SECONDS = 600;

/** How long tap has after HANG_SECONDS to report what a file is waiting for, before the process is killed. */
const REPORT_SECONDS = 15;

/** How long a process may take to end after its last file. What a failed test has left open would keep it for ever. */
const END_SECONDS = 60;

/**
 * Each test builds an application and leaves garbage behind, so the young generation gets more megabytes. Collector threads would
 * wait for each other, because the test processes use all cores. Each of the two saves a tenth of the CPU time.
 */
const GARBAGE_COLLECTION = ['--min-semi-space-size=64', '--max-semi-space-size=64', '--single-threaded-gc'];

const TEST_PROCESS = join(import.meta.dirname, 'test-process.ts');

export interface Timed {
  readonly name: string;
  readonly ms: number;
}

export interface FileResult extends Timed {
  readonly ok: boolean;
  readonly passed: number;
  readonly failed: number;
  readonly tests: readonly Timed[];
  readonly output: string;
}

/** Runs files from the queue until none is left, and reports each result. Starts a new process if a file ends it. */
export async function runFiles(
  queue: string[],
  onResult: (result: FileResult) => void,
): Promise<FileResult[]> {
  const results: FileResult[] = [];
  const add = (result: FileResult) => {
    results.push(result);
    onResult(result);
  };
  while (queue.length > 0) await runProcess(queue, add);
  return results;
}

/** Runs files in one process until none is left or one of them ends it. */
async function runProcess(queue: string[], onResult: (result: FileResult) => void): Promise<void> {
  const child = fork(TEST_PROCESS, {
    execArgv: GARBAGE_COLLECTION,
    env: { ...process.env, TAP_TIMEOUT: '0' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const taken: RunningFile[] = [];
  child.on('message', (message) => {
    if (message !== NEXT_FILE) return; // tap sends messages too.
    const name = queue.shift() ?? NO_FILE;
    if (name === NO_FILE) setTimeout(() => child.kill('SIGKILL'), END_SECONDS * 1000).unref();
    else taken.push(new RunningFile(name, child));
    child.send(name);
  });
  const finish = (ended?: string) => {
    const file = taken.shift();
    if (file !== undefined) onResult(file.finish(ended));
  };

  let isBeforeFirst = true;
  let stray = '';
  // Messages can arrive before output printed earlier, so only this line marks the end of a file's output.
  const isEndOfFile = (line: string) => line.startsWith('ok') && line.includes(` - ${NEXT_FILE}`);
  createInterface({ input: child.stdout as Readable }).on('line', (line) => {
    if (!isEndOfFile(line)) {
      if (taken[0] !== undefined) taken[0].read(line);
      else if (/^\s*not ok/.test(line)) stray += `${line}\n`;
    } else if (isBeforeFirst) isBeforeFirst = false;
    else finish();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => taken[0]?.write(text));

  const [code, signal] = await once(child, 'close');
  const ended = `a test process ended: ${signal ?? `exit code ${code}`}`;
  if (taken.length === 0 && isBeforeFirst) throw new Error(`Before its first file, ${ended}`);
  if (taken.length === 0 && signal !== null) throw new Error(`After its last file, ${ended}`);
  if (stray !== '') throw new Error(`Tests outlived their file:\n${stray}`);
  finish(ended);
}

/** Collects the output of a running test file. */
class RunningFile {
  readonly #name: string;
  readonly #startedAt = performance.now();
  readonly #timers: NodeJS.Timeout[];
  readonly #parser = new Parser();
  readonly #tests: Timed[] = [];
  #passed = 0;
  #failed = 0;
  #output = '';

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#parser.on('assert', ({ name, time }) => this.#tests.push({ name, ms: time ?? 0 }));
    this.#parser.on('pass', (result) => (this.#passed += this.#isOfLoading(result) ? 0 : 1));
    this.#parser.on('fail', () => (this.#failed += 1));
    // On SIGALRM, tap reports what it is waiting for.
    this.#timers = [
      setTimeout(() => child.kill('SIGALRM'), HANG_SECONDS * 1000),
      setTimeout(() => child.kill('SIGKILL'), (HANG_SECONDS + REPORT_SECONDS) * 1000),
    ];
  }

  #isOfLoading({ name }: Result): boolean {
    return name === this.#name || name === NEXT_FILE;
  }

  /** Reads a line of TAP. */
  read(line: string): void {
    this.#parser.write(`${line}\n`);
    this.write(`${line}\n`);
  }

  /** Adds output to show if the file fails. */
  write(text: string): void {
    this.#output += text;
  }

  /** Returns the file's result. `ended` says how the process ended, if it ended before the file. */
  finish(ended?: string): FileResult {
    this.#parser.end();
    for (const timer of this.#timers) clearTimeout(timer);
    if (ended !== undefined) this.write(`${ended}\n`);
    return {
      name: this.#name,
      ms: performance.now() - this.#startedAt,
      ok: ended === undefined && this.#passed > 0 && this.#failed === 0,
      passed: this.#passed,
      failed: this.#failed,
      tests: this.#tests,
      output: this.#output,
    };
  }
}
