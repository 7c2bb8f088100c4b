import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '..', 'package-lock.json');

/**
 * `npm run lock`, after every `npm install`: removes what each package says of Node's version from the lock file. npm
 * compares that with the Node it runs on and prints a page of warnings; the project runs on the Node it brings.
 */
const lock = JSON.parse(await readFile(FILE, 'utf8'));
for (const [path, entry] of Object.entries<{ engines?: unknown }>(lock.packages)) {
  if (path !== '') delete entry.engines;
}
await writeFile(FILE, `${JSON.stringify(lock, null, 2)}\n`);
