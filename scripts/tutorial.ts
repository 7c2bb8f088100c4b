import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { findFreePort } from './support/postgres-cluster.ts';
import { copyProject } from './tutorial/copy.ts';
import { apply, type CodeStep, readSteps } from './tutorial/steps.ts';

const ROOT = join(import.meta.dirname, '..');

/** What `npm start` prints when there is something to look at. It ends with Ctrl-C. */
const READY = 'Pennypost is ready';

/** Checks what the tutorial has changed, with the least CPU time for the compiler. */
const CHECK =
  'git add --all && npm exec -- biome check --staged && npm run --silent types -- --singleThreaded';

/**
 * `npm run tutorial`: follows docs/tutorial.md word by word in a copy of the project: writes each block of code and runs each
 * command. With `--short`, it only writes and scaffolds, and checks format and types at the end.
 */
await runMain(async () => {
  const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } });
  const steps = readSteps(await readFile(join(ROOT, 'docs', 'tutorial.md'), 'utf8'));
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-tutorial-'));
  try {
    await copyProject(ROOT, folder);
    const env = { ...process.env, DATA_DIR: join(folder, 'data'), PORT: String(await findFreePort()) };
    for (const step of steps) {
      if ('path' in step) await write(folder, step);
      else if (!values.short || step.command.startsWith('npm run new ')) await run(step.command, folder, env);
    }
    if (values.short) await run(CHECK, folder, env);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log('The tutorial works.');
});

async function write(folder: string, { path, code, place }: CodeStep): Promise<void> {
  const file = join(folder, await numbered(folder, path));
  const before = place.how === 'write' ? '' : await readFile(file, 'utf8');
  await mkdir(dirname(file), { recursive: true });
  try {
    await writeFile(file, apply(before, code, place));
  } catch (error) {
    throw new StartupError(1, `docs/tutorial.md, ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** The path of a migration, whose number the tutorial cannot know. */
async function numbered(folder: string, path: string): Promise<string> {
  const [, name] = /\/NNNN(_.+)$/.exec(path) ?? [];
  if (name === undefined) return path;
  const files = await readdir(join(folder, dirname(path)));
  return join(dirname(path), files.find((file) => file.endsWith(name)) ?? basename(path));
}

/**
 * Runs a command as a reader does.
 *
 * @throws StartupError if it fails
 */
async function run(command: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  console.log(`$ ${command}`);
  // Its own process group, for Ctrl-C.
  const child = spawn(command, {
    shell: true,
    detached: true,
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let isReady = false;
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    if (isReady || !String(chunk).includes(READY) || child.pid === undefined) return;
    isReady = true;
    process.kill(-child.pid, 'SIGINT');
  });
  const [code] = await once(child, 'close');
  if (code !== 0 && !isReady) throw new StartupError(1, `docs/tutorial.md: this command fails: ${command}`);
}
