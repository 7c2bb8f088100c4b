import './without-domains.ts';
import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { pathToFileURL } from 'node:url';
import root from 'tap';
import { NEXT_FILE, NO_FILE } from './next-file.ts';

const named = process.argv.slice(2);

/** The file whose tests run, and what to do when it ends, last first. */
let running: string;
const teardowns: (() => unknown)[] = [];

/**
 * Queues a test that imports a file, which adds the file's own tests, and then one that requests the next file. All files run
 * one after another in this process, so that the application is only loaded once.
 */
function queueFile(file: string): void {
  running = file;
  root.jobs = 1; // The previous file may have changed it.
  root.test(file, async () => {
    try {
      await import(pathToFileURL(file).href);
      flushCompileCache(); // Processes that the tests start load the same modules.
    } finally {
      // Not buffered, so that it waits for tests that the file runs concurrently.
      root.test(NEXT_FILE, { buffered: false }, queueNextFile);
    }
  });
}

async function queueNextFile(): Promise<void> {
  running = NO_FILE; // No hook of the last file runs after this.
  await tearDown();
  const file = await nextFile();
  if (file !== NO_FILE) return queueFile(file);
  process.off('disconnect', endWithParent);
  process.disconnect?.();
  root.end();
}

/** Asks the parent for the next file. Without one, the files are the arguments. */
async function nextFile(): Promise<string> {
  if (process.send === undefined) return named.shift() ?? NO_FILE;
  process.channel?.ref(); // tap does not wait for messages.
  const answer = once(process, 'message');
  process.send(NEXT_FILE);
  const [file] = await answer;
  return file;
}

/** Runs the file's teardowns. If one fails, so does the file. */
async function tearDown(): Promise<void> {
  try {
    for (let next = teardowns.pop(); next !== undefined; next = teardowns.pop()) await next();
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

function endWithParent(): void {
  process.exit(1);
}

/** Hooks of a file end with it. Only those of `root.after` wait for the end of the process. */
root.teardown = (hook) => {
  teardowns.push(hook);
};
for (const name of ['beforeEach', 'afterEach'] as const) {
  const add = root[name].bind(root);
  root[name] = (hook) => {
    const file = running;
    add((t) => (file === running ? hook(t) : undefined));
  };
}

process.once('disconnect', endWithParent);
root.test(NEXT_FILE, queueNextFile);
