import { join } from 'node:path';
import { runMain } from '../src/run-main.ts';
import { freeze } from './support/frozen-migrations.ts';

/**
 * `npm run freeze`: adds the migrations that are new in a release to `migrations.sha256`, whose files may never change again.
 * `npm version` runs it.
 */
await runMain(async () => {
  const added = await freeze(join(import.meta.dirname, '..'));
  console.log(added.length === 0 ? 'No migration is new.' : `Frozen:\n${added.join('\n')}`);
});
