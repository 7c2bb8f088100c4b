import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '..', 'package-lock.json');

/**
 * `npm run lock`: removes the packages' `engines` from the lock file, after every `npm install`. Otherwise npm on an older Node
 * prints warnings, although the project brings its own Node.
 */
const lock = JSON.parse(await readFile(FILE, 'utf8'));
for (const [path, entry] of Object.entries<{ engines?: unknown }>(lock.packages)) {
  if (path !== '') delete entry.engines;
}
await writeFile(FILE, `${JSON.stringify(lock, null, 2)}\n`);
