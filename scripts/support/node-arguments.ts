import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const COMPILE_CACHE = join(import.meta.dirname, '..', '..', 'src', 'compile-cache.js');

/**
 * Node's arguments for the web and worker processes; package.json repeats them for `npm run server` and `npm run worker`.
 * By default, V8 collects garbage late on machines with much memory and uses twice as much. These limits are soft: a process
 * that needs more gets more.
 */
export const NODE_ARGUMENTS = [
  '--max-semi-space-size=16',
  '--heap-growing-percent=50',
  '--initial-old-space-size=32',
  `--import=${pathToFileURL(COMPILE_CACHE).href}`,
] as const;
