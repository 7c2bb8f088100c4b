import pg from 'pg';
import t from 'tap';
import { withDatabase } from '../../../scripts/support/embedded-postgres.ts';
import { migrateToLatest } from '../../../scripts/support/migrate.ts';
import { buildApp } from '../../../src/app.ts';
import { mailQueue } from '../../../src/queues.ts';
import { testConfig } from '../../support/build.ts';
import { temporaryFolder } from '../../support/folder.ts';

t.test('the application owns its database and has no other rights in the cluster', async (t) => {
  const dataDir = await temporaryFolder(t);
  await withDatabase({ databaseUrl: undefined, databaseDirectUrl: undefined, dataDir }, async (url) => {
    await migrateToLatest(url, () => {});
    const app = buildApp(testConfig({ DATABASE_URL: url }), { role: 'command' });
    await app.ready();
    t.ok(await app.queue.send(mailQueue, { template: 'confirm-account', userId: 1 }, { db: app.db }));
    await app.close();

    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query(
      'select rolsuper, rolcreaterole, rolcreatedb, rolreplication from pg_roles where rolname = current_user',
    );
    t.same(rows, [{ rolsuper: false, rolcreaterole: false, rolcreatedb: false, rolreplication: false }]);
    await t.rejects(client.query("copy (select 1) to program 'true'"), { code: '42501' });
    await client.end();
  });
});
