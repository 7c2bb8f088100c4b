import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config.ts';
import { runMain } from '../src/run-main.ts';
import { withDatabase } from './support/embedded-postgres.ts';
import { listMigrations, migrateDown, migrateToLatest } from './support/migrate.ts';
import { planMigrations } from './support/migration-plan.ts';

/**
 * `npm run migrate`: updates the schema while the site runs. `--plan` says what is pending and what it locks, `--list` lists
 * applied and pending migrations, `--down` reverts the newest.
 */
await runMain(async () => {
  const { values } = parseArgs({
    options: { plan: { type: 'boolean' }, list: { type: 'boolean' }, down: { type: 'boolean' } },
  });
  const chosen = { plan: planMigrations, list: listMigrations, down: migrateDown };
  const name = (['plan', 'list', 'down'] as const).find((option) => values[option]);
  const config = loadConfig();
  await withDatabase(config, (databaseUrl) =>
    name === undefined
      ? migrateToLatest(databaseUrl, console.log, { timeZone: config.siteTimeZone })
      : chosen[name](databaseUrl, console.log),
  );
});
