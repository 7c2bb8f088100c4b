import { sql } from 'kysely';
import t from 'tap';
import { buildShop } from '../../src/queue/example.ts';
import { createEmptyDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('the app of the README runs a job if its change commits, and not if it rolls back', async (t) => {
  const { app, db } = await buildShop(await createEmptyDatabase(t));
  t.teardown(() => app.close());
  await app.ready();
  await db.insertInto('orders').values({ number: 'A-0' }).execute();
  const post = () => app.inject({ method: 'POST', url: '/orders/A-1' });
  t.equal((await post()).statusCode, 200);
  const orders = () => db.selectFrom('orders').select(['number', 'is_confirmed']).orderBy('number').execute();
  await waitFor(async () => (await orders())[1]?.is_confirmed === true, 'the order is confirmed');
  t.equal((await post()).statusCode, 500, 'the number is taken');
  const { rows } = await sql`select from pgboss.job where name = 'confirm-order'`.execute(db);
  t.equal(rows.length, 1, 'the refused order has no job');
  const confirmed = [
    { number: 'A-0', is_confirmed: false },
    { number: 'A-1', is_confirmed: true },
  ];
  t.same(await orders(), confirmed);

  const lost = db.transaction().execute(async (trx) => {
    await sql`select`.execute(trx);
    await sql`
      select pg_terminate_backend(pid, 60000) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()
    `.execute(db);
    await sql`select`.execute(trx);
  });
  await t.rejects(lost, 'its connection was ended');
  t.same(await orders(), confirmed, 'the app survives that');
});

t.test('existing data stays when the app starts again', async (t) => {
  const url = await createEmptyDatabase(t);
  for (const number of ['A-1', 'A-2']) {
    const { app, db } = await buildShop(url);
    await app.ready();
    await app.inject({ method: 'POST', url: `/orders/${number}` });
    await waitFor(async () => {
      const left = await db.selectFrom('orders').where('is_confirmed', '=', false).select('id').execute();
      return left.length === 0;
    }, 'all orders are confirmed');
    await app.close();
  }
});
