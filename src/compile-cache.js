import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

/**
 * Imported before anything else (`node --import`). Caches compiled code and stripped types, which cuts start-up time by a
 * third. If the folder is not writable, nothing is cached.
 *
 * It is JavaScript, because Node loads its TypeScript compiler, 10 MB, for the first file that is not cached.
 */
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'compile'));
