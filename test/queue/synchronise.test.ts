import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { defineQueue } from '../../src/queue/contract.ts';
import { build } from '../support/build.ts';
import { createQueues } from '../support/jobs.ts';

const payload = Type.Object({}, { additionalProperties: false });
const retry = { limit: 3, delaySeconds: 1, maxDelaySeconds: 60 };
const before = defineQueue({ name: 'ticks', payload, retry, timeoutSeconds: 60 });
const after = defineQueue({ name: 'ticks', payload, retry: { ...retry, limit: 7 }, timeoutSeconds: 90 });

const settingsOf = async (app: Awaited<ReturnType<typeof build>>) => {
  const { rows } = await sql`
    select retry_limit, retry_backoff, expire_seconds, dead_letter, heartbeat_seconds from pgboss.queue where name = 'ticks'
  `.execute(app.db);
  return rows;
};

t.test('queues follow their contracts', async (t) => {
  const app = await build(t);
  await createQueues(app, [before]);
  t.match(await settingsOf(app), [
    {
      retry_limit: 3,
      retry_backoff: true,
      expire_seconds: 120,
      dead_letter: 'ticks.dead',
      heartbeat_seconds: 10,
    },
  ]);
  await createQueues(app, [after]);
  t.match(await settingsOf(app), [{ retry_limit: 7, expire_seconds: 150 }]);
});

t.test('the rule of a key can change, but not to or from in-order while the queue has jobs', async (t) => {
  const app = await build(t);
  const plain = defineQueue({ name: 'keyed', payload, retry, timeoutSeconds: 60 });
  const of = () => 'all';
  await createQueues(app, [plain]);
  await createQueues(app, [{ ...plain, key: { of, rule: 'unique-until-done' } }]);
  await app.queue.send({ ...plain, key: { of, rule: 'unique-until-done' } }, {}, { db: app.db });
  const ordered = { ...plain, key: { of, rule: 'in-order' } } as const;
  await t.rejects(createQueues(app, [ordered]), { message: /^keyed: key: .* while the queue has no jobs$/ });
  await app.queueAdmin.act(app.db, 'delete', { queues: ['keyed'] });
  await createQueues(app, [ordered]);
  const { rows } = await sql`select policy from pgboss.queue where name = 'keyed'`.execute(app.db);
  t.same(rows, [{ policy: 'key_strict_fifo' }]);
});
