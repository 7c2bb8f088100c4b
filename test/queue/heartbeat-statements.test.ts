import { sql } from 'kysely';
import t from 'tap';
import { beat, keepClaims } from '../../src/queue/heartbeat-statements.ts';
import { enterWorker } from '../../src/queue/presence.ts';
import { build } from '../support/build.ts';

const { db, pool } = await build(t);

t.test(
  'a heartbeat is recorded for the jobs that a worker still has, and it learns of the others',
  async (t) => {
    const claimedAt = new Date('2027-03-27T12:00:00.123Z');
    const { rows } = await sql<{ jobId: string; n: number }>`
    insert into pgboss.job (name, data, state, started_on)
    select 'mail', to_jsonb(n), case when n = 3 then 'cancelled' else 'active' end::pgboss.job_state,
      ${claimedAt}::timestamptz + case when n = 4 then interval '1 ms' else interval '1 us' end
    from generate_series(1, 6) as n returning id as "jobId", (data)::int as n
  `.execute(db);
    const claims = rows
      .sort((one, other) => one.n - other.n)
      .map(({ jobId, n }) => ({ jobId, queue: n === 5 ? 'exports' : 'mail', claimedAt, n }));
    const lost = await keepClaims(pool, claims.slice(0, 5));
    t.same(
      lost.map(({ n }) => n),
      [3, 4, 5],
      'a cancelled one, one that another worker has taken, and one of another queue',
    );
    const { rows: kept } = await sql<{ n: number }>`
    select data::int as n from pgboss.job where heartbeat_on is not null order by n
  `.execute(db);
    t.same(
      kept.map(({ n }) => n),
      [1, 2],
    );
    t.same(await keepClaims(pool, []), []);
  },
);

t.test('a worker reports on itself and gets its own orders', async (t) => {
  const enter = (name: string) =>
    enterWorker(db, { name, queues: ['mail'], concurrency: 1, version: '1.0.0' });
  const [own, other] = [await enter('own'), await enter('other')];
  await sql`update workers set seen_at = '2027-03-27T12:00Z', fetched_at = '2027-03-27T12:00Z'`.execute(db);
  await sql`update workers set is_draining = true where id = ${other}`.execute(db);
  await sql`insert into paused_queues (queue) values ('exports')`.execute(db);
  const before = (await db.selectFrom('workers').selectAll().orderBy('id').execute())[1];
  const running = [{ id: 'x', queue: 'mail', attempt: 1, startedAt: '' }];
  const report = { running, memoryBytes: 7, loopDelayMs: 8 };
  const none = { broken: [], limits: [] };
  const orders = await beat(pool, own, { ...report, hasPolled: false });
  t.same(orders, { ...none, paused: ['exports'], isDraining: false });
  const workers = () => db.selectFrom('workers').selectAll().orderBy('id').execute();
  const [silent, unchanged] = await workers();
  t.match(silent, { running, memory_bytes: '7', loop_delay_ms: 8 });
  t.not(silent?.seen_at.toISOString(), before?.seen_at.toISOString());
  t.equal(silent?.fetched_at.toISOString(), before?.fetched_at.toISOString(), 'it has not polled');
  t.strictSame(unchanged, before);
  await beat(pool, own, { ...report, hasPolled: true });
  t.not((await workers())[0]?.fetched_at.toISOString(), before?.fetched_at.toISOString());
  t.match(await beat(pool, other, { ...report, hasPolled: false }), { isDraining: true });
  await sql`delete from workers`.execute(db);
  t.match(await beat(pool, own, { ...report, hasPolled: false }), { isDraining: false }, 'it was forgotten');
});
