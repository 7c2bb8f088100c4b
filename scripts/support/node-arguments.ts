import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const COMPILE_CACHE = join(import.meta.dirname, '..', '..', 'src', 'compile-cache.ts');

/**
 * How Node runs the web and worker processes; `npm run server` and `npm run worker` in package.json say the same. Left
 * to itself, V8 collects late where a machine has much memory, and takes twice as much of it. These limits are soft: a
 * process that needs more gets more.
 */
export const NODE_ARGUMENTS = [
  '--max-semi-space-size=16',
  '--heap-growing-percent=50',
  '--initial-old-space-size=32',
  `--import=${pathToFileURL(COMPILE_CACHE).href}`,
] as const;
