import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { StartupError } from '../../src/errors.ts';

const run = promisify(execFile);

const ROOT = join(import.meta.dirname, '..', '..');

/** Files whose test is elsewhere. */
const TESTED_ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/\.md$/, 'test/system/documents.test.ts'],
  [/^migrations\/|^src\/database\/[\w-]+-tables\.ts$/, 'test/database/schema.test.ts'],
];

/**
 * Lists the files that differ from a commit, and those that git does not know yet.
 *
 * @param since a commit or a branch
 * @throws StartupError if there is no such commit, or this is no git repository
 */
export async function listChanged(since: string, root = ROOT): Promise<string[]> {
  const git = async (...args: string[]) => {
    const { stdout } = await run('git', args, { cwd: root });
    return stdout.split('\0').filter(Boolean);
  };
  try {
    const changed = await git('diff', '--name-only', '-z', '--relative', '--diff-filter=d', since, '--');
    return [...changed, ...(await git('ls-files', '-z', '--others', '--exclude-standard'))];
  } catch (error) {
    throw new StartupError(2, `git cannot list what has changed since "${since}": ${String(error)}`);
  }
}

/**
 * Finds the tests of files, which are at the path in `test` of the file or its nearest folder. A template's test is that of
 * the route that renders it.
 */
export function testsOf(files: readonly string[]): string[] {
  return [...new Set(files.flatMap(testOf))].sort();
}

function testOf(file: string): string[] {
  if (file.endsWith('.test.ts')) return [file];
  const elsewhere = TESTED_ELSEWHERE.find(([pattern]) => pattern.test(file));
  if (elsewhere !== undefined) return [elsewhere[1]];
  const path = file.replace(/^(?:src|test)\//, '').replace(/\.\w+$/, '');
  const shown = path.replace(/^views\//, '');
  const paths = shown === path ? [path] : [path, `routes/${shown}`, `routes/web/${shown}`];
  return paths.flatMap(nearestTest).slice(0, 1);
}

function nearestTest(path: string): string[] {
  if (path === '.') return [];
  const test = `test/${path}.test.ts`;
  return existsSync(join(ROOT, test)) ? [test] : nearestTest(dirname(path));
}
