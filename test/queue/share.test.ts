import { sql } from 'kysely';
import t from 'tap';
import { defineJob } from '../../src/queue/job.ts';
import { newShare, prioritiesOf, TURN } from '../../src/queue/share.ts';
import { BULK_MAIL_PRIORITY, mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { waitFor } from '../support/wait-for.ts';

const priority = BULK_MAIL_PRIORITY;

t.test(
  'a share of 100,000 jobs makes the next share wait for one turn, and each takes its turns',
  async (t) => {
    const app = await build(t);
    const mailsOf = (postId: number, count: number) =>
      Array.from({ length: count }, (_, n) => ({
        template: 'new-post' as const,
        subscriptionId: n + 1,
        postId,
      }));
    const order: number[] = [];
    const [crowd, friends] = [newShare(), newShare()];
    for (const count of [250, 250]) {
      await app.queue.sendAll(mailQueue, mailsOf(1, count), { db: app.db, priority, share: crowd });
    }
    await prioritiesOf(app.db, crowd, { queue: mailQueue.name, count: 99_500, priority }); // As if it had run for long.
    let enqueuedAt = 0;
    const job = defineJob(mailQueue, async ({ queue, db }, payload) => {
      order.push('postId' in payload ? payload.postId : 0);
      if (order.length !== 150) return;
      await queue.sendAll(mailQueue, mailsOf(2, 150), { db, priority, share: friends });
      await queue.send(mailQueue, { template: 'confirm-account', userId: 1 }, { db });
      enqueuedAt = order.length;
    });
    await app.queue.work([job], { concurrency: 1 });
    await waitFor(() => order.length === 651, 'all are done');

    const fetched = 1 + (mailQueue.prefetch ?? 0); // Those that the worker had already.
    const waited = (index: number) => index - enqueuedAt;
    t.ok(waited(order.indexOf(0)) <= fetched, 'what a person waits for is next');
    t.ok(waited(order.indexOf(2)) <= TURN + fetched, 'a post for few does not wait for one for many');
    const last = order.lastIndexOf(2);
    t.ok(waited(last) <= 150 + 2 * TURN + fetched, 'and after each of its turns only for one of the other’s');
    const between = order.slice(order.indexOf(2), last);
    t.ok(between.filter((post) => post === 1).length >= TURN - fetched, 'which gets its turn meanwhile');
  },
);

t.test('a share begins with the turn that is being worked, so those before it do not starve', async (t) => {
  const app = await build(t);
  const next = { queue: mailQueue.name, count: 1, priority };
  t.same(await prioritiesOf(app.db, newShare(), next), [priority], 'the first, if nobody has jobs');
  const payload = { template: 'new-post', subscriptionId: 1, postId: 1 } as const;
  await app.queue.send(mailQueue, payload, { db: app.db, priority: priority - 500 });
  await app.queue.send(mailQueue, payload, { db: app.db });
  const later = new Date(Date.now() + 3_600_000);
  await app.queue.send(mailQueue, payload, { db: app.db, priority: priority - 3, startAfter: later });
  for (const less of [1, 2])
    await app.queue.send(mailQueue, payload, { db: app.db, priority: priority - less });
  await sql`update pgboss.job set state = 'active' where priority = ${priority - 1}`.execute(app.db);
  await sql`update pgboss.job set blocked = true where priority = ${priority - 2}`.execute(app.db);
  t.same(await prioritiesOf(app.db, newShare(), next), [priority - 500]);

  const begun = { jobs: TURN - 1, first: priority };
  t.same(
    await prioritiesOf(app.db, begun, { ...next, count: 2 }),
    [priority, priority - 1],
    'turn after turn',
  );
  t.same(await prioritiesOf(app.db, begun, next), [priority - 1]);
});
