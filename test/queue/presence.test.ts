import { sql } from 'kysely';
import t from 'tap';
import { recordAction } from '../../src/queue/audit.ts';
import { pauseQueue } from '../../src/queue/pause.ts';
import {
  drainWorker,
  enterWorker,
  hasConsumingWorker,
  leaveWorker,
  listLiveWorkers,
  listLostWorkers,
} from '../../src/queue/presence.ts';
import { readPulse } from '../../src/queue/pulse.ts';
import { build } from '../support/build.ts';

const { db } = await build(t);

/** Enters a worker that has reported and polled some seconds ago, and runs a job. */
async function enter(name: string, { seen = 0, polled = 0, isWorking = true } = {}): Promise<number> {
  const id = await enterWorker(db, { name, queues: ['mail'], concurrency: 2, version: '1.0.0' });
  const running = isWorking ? [{ id: 'x', queue: 'mail', attempt: 1, startedAt: '' }] : [];
  await sql`
    update workers set running = ${JSON.stringify(running)}::jsonb,
      seen_at = now() - ${seen} * interval '1 s', fetched_at = now() - ${polled} * interval '1 s'
    where id = ${id}
  `.execute(db);
  return id;
}

t.beforeEach(async () => void (await sql`delete from workers`.execute(db)));

t.test(
  'a worker is live until it stops or falls silent, and then lost for a quarter of an hour',
  async (t) => {
    await enter('live');
    const draining = await enter('draining', { seen: 3 });
    await enter('silent', { seen: 9 });
    await enter('lost long ago', { seen: 901 });
    for (const seen of [0, 9]) await leaveWorker(db, await enter('stopped', { seen }));
    await drainWorker(db, draining, true);
    t.match(await listLiveWorkers(db), [
      { name: 'live', queues: ['mail'], concurrency: 2, version: '1.0.0', isDraining: false },
      { name: 'draining', isDraining: true, running: [{ queue: 'mail' }] },
    ]);
    t.same(
      [...(await listLiveWorkers(db)), ...(await listLostWorkers(db))].map(({ name }) => name),
      ['live', 'draining', 'silent'],
    );
    await drainWorker(db, draining, false);
    t.ok((await listLiveWorkers(db)).every(({ isDraining }) => !isDraining));
    const { rows } = await sql`select from workers where name = 'stopped' and running = '[]'`.execute(db);
    t.equal(rows.length, 2, 'nobody thinks that a stopped worker still runs its jobs');
  },
);

t.test('a worker consumes if it polls or works, and has reported that', async (t) => {
  for (const [consumes, worker] of [
    [true, { polled: 9, isWorking: false }],
    [true, { polled: 61 }],
    [false, { polled: 61, isWorking: false }],
    [false, { seen: 9 }],
  ] as const) {
    const id = await enter('worker', worker);
    t.equal(await hasConsumingWorker(db), consumes, JSON.stringify(worker));
    await leaveWorker(db, id);
    t.equal(await hasConsumingWorker(db), false, 'it has stopped');
  }
});

t.test('the pulse changes with what the dashboard shows, and not with each report', async (t) => {
  const id = await enter('worker', { isWorking: false });
  await enter('lost long ago', { seen: 901 });
  let pulse = await readPulse(db);
  await sql`update workers set seen_at = seen_at - interval '1 s'`.execute(db);
  await sql`update workers set running = '[1]' where name = 'lost long ago'`.execute(db);
  t.equal(await readPulse(db), pulse);
  for (const change of [
    ...['ready', 'active', 'deferred', 'failed'].map(
      (count) => () =>
        sql`update pgboss.queue set ${sql.ref(`${count}_count`)} = 7 where name = 'mail'`.execute(db),
    ),
    () => sql`update workers set running = '[1]'`.execute(db),
    () => drainWorker(db, id, true),
    () => leaveWorker(db, id),
    () => pauseQueue(db, 'mail'),
    () => recordAction(db, { username: 'boss', action: '1 job deleted.', subject: 'queue=mail' }),
  ]) {
    await change();
    const changed = await readPulse(db);
    t.not(changed, pulse, String(change));
    pulse = changed;
  }
});
