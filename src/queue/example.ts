import Fastify from 'fastify';
import { type Generated, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { Type } from 'typebox';
import { DATABASE_ONLY, defineJob, defineQueue, migrateQueue, type QueueTables, queue } from './index.ts';

interface Tables extends QueueTables {
  orders: { id: Generated<number>; number: string; is_confirmed: Generated<boolean> };
}

const confirmQueue = defineQueue({
  name: 'confirm-order',
  payload: Type.Object({ orderId: Type.Integer() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30,
});

export async function buildShop(databaseUrl: string) {
  const pool = new pg.Pool({ connectionString: databaseUrl, connectionTimeoutMillis: 5000 });
  // A lost connection fails its statements. Without listeners, it would also end the process, even between statements.
  pool.on('error', () => {}).on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  await pool.query(`create table if not exists orders (
    id integer generated always as identity primary key, number text unique deferrable initially deferred,
    is_confirmed boolean not null default false)`);
  await migrateQueue(db, { connection: databaseUrl, contracts: [confirmQueue] });

  const app = Fastify();
  app.addHook('onClose', () => db.destroy());
  await app.register(queue, { db, connection: databaseUrl });

  // The order and its job are committed together, or neither is: here, an order's number is checked by the commit.
  app.post<{ Params: { number: string } }>('/orders/:number', ({ params: { number } }) =>
    db.transaction().execute(async (trx) => {
      const order = await trx
        .insertInto('orders')
        .values({ number })
        .returning('id')
        .executeTakeFirstOrThrow();
      await app.queue.send(confirmQueue, { orderId: order.id }, { db: trx });
      return order;
    }),
  );
  const confirm = defineJob(confirmQueue, async (_app, { orderId }) => {
    await db.updateTable('orders').set({ is_confirmed: true }).where('id', '=', orderId).execute();
  });
  app.addHook('onReady', () => app.queue.work([confirm], { concurrency: 10 }));
  return { app, db };
}
