import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('an accepted mail is recorded before other work that waits for a connection', async (t) => {
  const app = await build(t, { DATABASE_POOL_MAX: '6' }, { role: 'worker' });
  const { id: userId } = await createUser(app);
  const { max } = app.pool.options;
  const free: (() => void)[] = [];
  const hold = () => new Promise<void>((resolve) => free.push(resolve));
  const holding = Array.from({ length: max }, () => app.db.transaction().execute(hold));
  await waitFor(() => free.length === max, 'all connections are taken');

  const order: string[] = [];
  const other = sql`select`.execute(app.db).then(() => order.push('other'));
  const jobId = randomUUID();
  const delivery = {
    ...{ jobId, userId, subscriptionId: null, template: 'password-changed' as const },
    ...{ messageId: `<${jobId}@localhost>`, sentTo: 'john@example.com', returnKey: undefined },
    ...{ isRefused: false, response: '250 OK' },
  };
  const recorded = app.mailLedger.record(delivery).then(() => order.push('record'));
  free[0]?.();
  await Promise.all([other, recorded]);
  t.same(order, ['record', 'other']);
  for (const release of free) release();
  await Promise.all(holding);
});
