import { sql } from 'kysely';
import t from 'tap';
import { withApp } from '../../../scripts/support/app.ts';
import { createDatabase } from '../../support/database.ts';

t.test('a command whose database goes away ends with a plain line', async (t) => {
  process.env.DATABASE_URL = await createDatabase(t);
  t.teardown(() => delete process.env.DATABASE_URL);
  const command = withApp(async ({ db }) => {
    await sql`select pg_terminate_backend(pg_backend_pid())`.execute(db);
  });
  await t.rejects(command, {
    exitCode: 1,
    message: /^Cannot use the database at .+: terminating connection/,
  });
});
