import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';

t.test('statements that run often are prepared, others are not', async (t) => {
  const app = await build(t, { DATABASE_POOL_MAX: '6' });
  const copy = sql`insert into paused_queues select * from paused_queues`;
  await app.db.connection().execute(async (db) => {
    for (let run = 0; run < 10; run += 1) {
      const { rows } = await sql<{ next: number }>`select ${run}::int + 1 as next`.execute(db);
      t.equal(rows[0]?.next, run + 1);
      await sql`select * from users where id = ${run}`.execute(db);
      await sql.raw(`select ${run} as often`).execute(db);
      await sql`${copy} returning queue`.execute(db);
      await sql`${copy} returning *`.execute(db);
    }
    const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(
      db,
    );
    t.same(
      rows.map(({ statement }) => statement).sort(),
      ['insert into paused_queues select * from paused_queues returning queue', 'select $1::int + 1 as next'],
      'neither what returns *, which a migration may change, nor a text per value',
    );
  });
});

t.test('a failing prepared statement fails each time, and the next statement works', async (t) => {
  const app = await build(t, { DATABASE_POOL_MAX: '6' });
  const divide = (by: number) => sql<{ quotient: number }>`select 6 / ${by}::int as quotient`.execute(app.db);
  for (let run = 0; run < 12; run += 1) {
    await t.rejects(divide(0), /division by zero/);
    t.equal((await divide(2)).rows[0]?.quotient, 3);
  }
});
