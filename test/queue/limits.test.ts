import { sql } from 'kysely';
import { TestClock } from 'pg-boss';
import t from 'tap';
import {
  EACH_KEY,
  giveBack,
  listLimits,
  loadRestraints,
  lockBucket,
  MAX_LIMITS,
  passKey,
  setLimit,
  WHOLE_QUEUE,
} from '../../src/queue/limits.ts';
import { build } from '../support/build.ts';

/** Its time stands still. */
const clock = new TestClock('2027-03-27T12:00Z');
const { db } = await build(t, {}, { clock });
const rate = '20/hour'; // Two at once, and then one every 3600 / 19 seconds.
const interval = 3600 / 19;

t.beforeEach(async () => {
  await db.deleteFrom('job_limits').execute();
  await db.deleteFrom('job_rates').execute();
});

t.test(
  'a limit is set, changed and removed without touching others, and all are listed in order',
  async (t) => {
    for (const [queue, key] of [
      ['mail', 'b.example'],
      ['mail', WHOLE_QUEUE],
      ['exports', WHOLE_QUEUE],
      ['exports', EACH_KEY],
    ] as const)
      await setLimit(db, { queue, key, rate });
    await setLimit(db, { queue: 'mail', key: 'b.example', rate: '1/day' });
    const all = [
      { queue: 'exports', key: WHOLE_QUEUE, rate },
      { queue: 'exports', key: EACH_KEY, rate },
      { queue: 'mail', key: WHOLE_QUEUE, rate },
      { queue: 'mail', key: 'b.example', rate: '1/day' },
    ];
    t.same(await listLimits(db), all);
    t.same(await loadRestraints(db), { paused: [], broken: [], limits: all });
    await setLimit(db, { queue: 'mail', key: WHOLE_QUEUE, rate: undefined });
    t.same(await listLimits(db), [all[0], all[1], all[3]]);
  },
);

t.test('there are at most as many limits as workers keep in memory', async (t) => {
  await sql`insert into job_limits select 'mail', n, '1/day' from generate_series(2, ${MAX_LIMITS}) as n`.execute(
    db,
  );
  await setLimit(db, { queue: 'mail', key: 'last', rate });
  await t.rejects(setLimit(db, { queue: 'mail', key: 'one more', rate }), {
    name: 'TooManyLimits',
    message: `There are ${MAX_LIMITS} limits already. Remove one first.`,
  });
  await setLimit(db, { queue: 'mail', key: 'last', rate: '1/day' });
  t.equal((await listLimits(db)).length, MAX_LIMITS, 'one that is there can be changed');
});

t.test('a bucket is locked while a worker takes from it, and what is not used is given back', async (t) => {
  const take = (queue: string, jobs: number) =>
    db.transaction().execute(async (trx) => {
      const bucket = await lockBucket(trx, queue, rate);
      const free = sql`select from job_rates where queue = ${queue} and key = '' for update skip locked`;
      t.same((await free.execute(db)).rows, [], 'no other worker takes from it');
      const { jobs: had, seconds } = bucket;
      return { had, seconds: Math.round(seconds), next: Math.round(await bucket.start(jobs)) };
    });
  t.same(await take('mail', 1), { had: 2, seconds: 0, next: 0 });
  t.same(await take('mail', 1), { had: 1, seconds: 0, next: Math.round(interval) });
  t.same(await take('exports', 2), { had: 2, seconds: 0, next: Math.round(interval) });
  await giveBack(db, 'mail', interval);
  t.same(await take('mail', 0), { had: 1, seconds: 0, next: 0 });
  t.match(await take('exports', 0), { had: 0, seconds: Math.round(interval) });

  await setLimit(db, { queue: 'mail', key: 'a.example', rate });
  t.match(await take('mail', 0), { had: 2 }, 'what was used is forgotten when a limit of the queue changes');
  t.match(await take('exports', 0), { had: 0 });
  await clock.setTime(clock.now() + interval * 1_000 + 1);
  t.match(await take('exports', 0), { had: 1 });
  const unlimited = await db.transaction().execute((trx) => lockBucket(trx, 'imports', undefined));
  t.match(unlimited, { jobs: Infinity, seconds: 0 });
  t.equal(await unlimited.start(1_000), 0);
});

t.test('each key has its own bucket, besides that of its queue', async (t) => {
  const pass = async (key: string, isBulk = false, queue = 'mail') =>
    Math.round((await passKey(db, { queue, key, rate }, { isBulk, isBack: false })) / interval);
  t.same([await pass('a'), await pass('a'), await pass('a'), await pass('a')], [0, 0, 1, 2]);
  t.same([await pass('a', true), await pass('a', true)], [3, 4], 'bulk jobs queue behind the others');
  t.same([await pass('b'), await pass('b'), await pass('a', false, 'exports')], [0, 0, 0]);
  await db.transaction().execute((trx) => lockBucket(trx, 'mail', rate));
  await giveBack(db, 'mail', 10 * interval);
  t.same([await pass('a'), await pass('b')], [3, 1], 'what the queue gets back is not the keys’');
});
