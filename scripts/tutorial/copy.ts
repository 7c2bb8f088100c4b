import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a clone does not have. */
const NOT_CLONED = new Set(['node_modules', '.git', '.tap', '.env', 'data']);

/** Copies the project, with uncommitted changes, to look like a fresh clone with its packages. */
export async function copyProject(from: string, to: string): Promise<void> {
  const names = (await readdir(from)).filter((name) => !NOT_CLONED.has(name));
  await Promise.all(names.map((name) => cp(join(from, name), join(to, name), { recursive: true })));
  await linkPackages(join(from, 'node_modules'), join(to, 'node_modules'));
  const author = ['-c', 'user.name=Tutorial', '-c', 'user.email=tutorial@example.com'];
  for (const args of [
    ['init', '--quiet'],
    ['add', '.'],
    [...author, 'commit', '--quiet', '--message=Clone'],
  ])
    await run('git', args, { cwd: to });
}

/** Links to each package, so that caches are not shared. */
async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to);
  const names = (await readdir(from)).filter((name) => name !== '.cache');
  await Promise.all(names.map((name) => symlink(join(from, name), join(to, name))));
}
