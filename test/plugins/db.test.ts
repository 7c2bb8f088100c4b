import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';
import { captureLog } from '../support/log.ts';

t.test('a slow query is logged with its SQL, duration and cause, but without parameters', async (t) => {
  const { logger, lines } = captureLog();
  const app = await build(t, { SLOW_QUERY_MS: '50' }, { logger });
  await sql`alter table users rename to real_users`.execute(app.db);
  await sql`create view users as select *, pg_sleep(0.1)::text from real_users`.execute(app.db);
  await sql`insert into real_users (email, username, password_hash, role, confirmed_at) values ('a@b.example', 'secretname', '', 'User', now())`.execute(
    app.db,
  );

  await app.inject('/user/secretname');

  // On a slow machine, this test's own statements are slow queries too.
  const slow = lines().filter(({ msg, work }) => msg === 'slow query' && work !== undefined);
  t.match(slow, [{ level: 40, sql: /^select .* from "users"/, work: 'GET /user/:username' }]);
  t.ok(Number(slow[0]?.durationMs) >= 100);
  t.notMatch(JSON.stringify(slow), 'secretname');
});
