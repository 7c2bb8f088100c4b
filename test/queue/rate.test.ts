import t from 'tap';
import {
  afterStarting,
  available,
  type BucketState,
  bucketOf,
  dueAt,
  parseRate,
  pass,
  type Rate,
} from '../../src/queue/rate.ts';

const NEW: BucketState = { fullAt: 0, lineUntil: 0, bulkLineUntil: 0 };

t.test('a rate is a number per second, minute, hour or day', async (t) => {
  t.equal(parseRate('200/hour'), '200/hour');
  t.equal(parseRate(' 10 / Minute '), '10/minute');
  t.equal(parseRate('1000000/day'), '1000000/day');
  for (const wrong of [
    '',
    '0/hour',
    '-1/hour',
    '1.5/hour',
    '200',
    '200/week',
    '200/hours',
    '1000001/day',
    '1e3/day',
  ]) {
    t.equal(parseRate(wrong), undefined, wrong);
  }
});

t.test('a bucket refills job by job', async (t) => {
  const bucket = bucketOf('200/hour');
  t.equal(available(bucket, 1_000, 1_000), 20);
  t.equal(available(bucket, 1_000 + 5 * bucket.interval, 1_000), 15);
  t.equal(bucketOf('5/second').tolerance, 0.5, 'a job comes back early by no more than half of the window');
});

t.test('no window ever has more than the rate, wherever it begins', async (t) => {
  const cases: [Rate, number][] = [
    ['1/minute', 60],
    ['10/minute', 60],
    ['200/hour', 3600],
    ['14/second', 1],
  ];
  for (const [rate, window] of cases) {
    const jobs = Number.parseInt(rate, 10);
    const bucket = bucketOf(rate);
    const starts: number[] = [];
    let [now, fullAt] = [1_000_000, 0];
    for (let step = 0; step < 2_000; step += 1) {
      const count = available(bucket, fullAt, now);
      if (count > 0) fullAt = afterStarting(bucket, fullAt, now, count);
      for (let job = 0; job < count; job += 1) starts.push(now);
      // As workers do: at once when the next is due, or after a pause of any length.
      now = step % 7 === 0 ? now + (step % 11) * bucket.interval : Math.max(now, dueAt(bucket, fullAt));
    }
    const most = Math.max(
      ...starts.map((from) => starts.filter((at) => at >= from && at < from + window).length),
    );
    t.ok(most <= jobs, `${rate}: at most ${most} in a window`);
    t.ok(most >= jobs * 0.9, `${rate}: and not far below`);
  }
});

t.test('each job over the limit gets its own time, and comes back once', async (t) => {
  const bucket = bucketOf('10/minute');
  let state = NEW;
  const waits: number[] = [];
  for (let job = 0; job < 5; job += 1) {
    const passed = pass(bucket, state, { isBulk: false, isBack: false, now: 1_000 });
    state = passed.state;
    waits.push(Math.round(passed.seconds));
  }
  t.same(waits, [0, 6, 12, 18, 24]);
  for (const now of [1_006.9, 1_012.1, 1_018]) {
    const back = pass(bucket, state, { isBulk: false, isBack: true, now });
    t.equal(back.seconds, 0, 'even if the one before was late');
    state = back.state;
  }
  t.ok(
    pass(bucket, state, { isBulk: false, isBack: false, now: 1_018.5 }).seconds > 0,
    'a new one waits behind',
  );
  const arriving = { isBulk: false, isBack: false, now: 1_000 };
  t.ok(pass(bucket, { ...NEW, lineUntil: 1_001 }, arriving).seconds > 0, 'even if the bucket is full');
  t.equal(pass(bucket, { ...NEW, fullAt: 1_000, lineUntil: 1_000 }, arriving).seconds, 0);
});

t.test('bulk jobs wait behind others, however many they are', async (t) => {
  const bucket = bucketOf('10/minute');
  let state = NEW;
  for (let job = 0; job < 1_000; job += 1) {
    state = pass(bucket, state, { isBulk: true, isBack: false, now: 1_000 }).state;
  }
  const urgent = pass(bucket, state, { isBulk: false, isBack: false, now: 1_003 });
  t.equal(Math.round(urgent.seconds), 3, 'it is next');
  const bulk = pass(bucket, urgent.state, { isBulk: true, isBack: false, now: 1_003 });
  t.ok(bulk.seconds > 5_900, 'another bulk job is last');
});

t.test('jobs that come back all at once, as after a night without workers, do not all start', async (t) => {
  const bucket = bucketOf('10/minute');
  let state = NEW;
  let started = 0;
  for (let job = 0; job < 100; job += 1) {
    const passed = pass(bucket, state, { isBulk: true, isBack: true, now: 100_000 });
    state = passed.state;
    if (passed.seconds === 0) started += 1;
  }
  t.equal(started, 1);
});
