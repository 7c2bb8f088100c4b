import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config.ts';
import { runMain } from '../src/process.ts';
import { withDatabase } from './support/embedded-postgres.ts';
import { listMigrations, migrateDown, migrateToLatest } from './support/migrate.ts';

/** `npm run migrate`: updates the schema. `-- --list` lists the migrations, `-- --down` reverts the newest. */
await runMain(async () => {
  const { values } = parseArgs({ options: { list: { type: 'boolean' }, down: { type: 'boolean' } } });
  const run = values.list ? listMigrations : values.down ? migrateDown : migrateToLatest;
  await withDatabase(loadConfig(), (databaseUrl) => run(databaseUrl, console.log));
});
