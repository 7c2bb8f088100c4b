import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { defineQueue } from '../../src/queue/contract.ts';
import { build } from '../support/build.ts';
import { createQueues } from '../support/jobs.ts';

const payload = Type.Object({}, { additionalProperties: false });
const retry = { limit: 3, delaySeconds: 1, maxDelaySeconds: 60 };
const before = defineQueue({ name: 'ticks', payload, retry, timeoutSeconds: 60 });
const after = defineQueue({
  name: 'ticks',
  payload,
  retry: { limit: 7, delaySeconds: 2, maxDelaySeconds: 90 },
  timeoutSeconds: 90,
});

const DAY = 24 * 60 * 60;

const settingsOf = async (app: Awaited<ReturnType<typeof build>>) => {
  const { rows } = await sql`
    select name, retry_limit, retry_delay, retry_delay_max, retry_backoff, expire_seconds, dead_letter, heartbeat_seconds,
      retention_seconds, deletion_seconds
    from pgboss.queue where name like 'ticks%' order by name
  `.execute(app.db);
  return rows;
};

t.test('queues follow their contracts', async (t) => {
  const app = await build(t);
  await createQueues(app, [before]);
  const ticks = {
    name: 'ticks',
    retry_limit: 3,
    retry_delay: 1,
    retry_delay_max: 60,
    retry_backoff: true,
    expire_seconds: 120,
    dead_letter: 'ticks.dead',
    heartbeat_seconds: 10,
    retention_seconds: 365 * DAY,
    deletion_seconds: 7 * DAY,
  };
  const dead = { name: 'ticks.dead', retention_seconds: 90 * DAY, dead_letter: null };
  t.match(await settingsOf(app), [ticks, dead]);
  await sql`update pgboss.queue set retention_seconds = 1, deletion_seconds = 1 where name like 'ticks%'`.execute(
    app.db,
  );
  await createQueues(app, [after]);
  const changed = { retry_limit: 7, retry_delay: 2, retry_delay_max: 90, expire_seconds: 150 };
  t.match(await settingsOf(app), [{ ...ticks, ...changed }, dead]);
});

t.test(
  'the rule of a key can change, but not to or from in-order while the queue has unfinished jobs',
  async (t) => {
    const app = await build(t);
    const plain = defineQueue({ name: 'keyed', payload, retry, timeoutSeconds: 60 });
    const of = () => 'all';
    await createQueues(app, [plain]);
    await createQueues(app, [{ ...plain, key: { of, rule: 'unique-until-done' } }]);
    await app.queue.send({ ...plain, key: { of, rule: 'unique-until-done' } }, {}, { db: app.db });
    const ordered = { ...plain, key: { of, rule: 'in-order' } } as const;
    await t.rejects(createQueues(app, [ordered]), {
      message: /^keyed: key: .* while the queue has no jobs$/,
    });
    await sql`update pgboss.job set state = 'completed' where name = 'keyed'`.execute(app.db);
    await createQueues(app, [ordered]);
    const { rows } = await sql`select policy from pgboss.queue where name = 'keyed'`.execute(app.db);
    t.same(rows, [{ policy: 'key_strict_fifo' }]);
  },
);
