import { sql } from 'kysely';
import { TestClock } from 'pg-boss';
import t from 'tap';
import { Type } from 'typebox';
import { DATABASE_ONLY, defineQueue, type Schedule } from '../../src/queue/contract.ts';
import { defineJob } from '../../src/queue/job.ts';
import {
  listSchedules,
  pauseSchedule,
  resumeSchedule,
  runDueSchedules,
  runScheduleNow,
} from '../../src/queue/schedules.ts';
import { build } from '../support/build.ts';
import { createQueues, jobsOf } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

const clock = new TestClock('2027-03-27T12:00Z');
const app = await build(t, { SITE_TIME_ZONE: 'Europe/Berlin' }, { clock });

const failures: string[] = [];
/** What a worker gives. */
const scheduler = {
  db: app.db,
  queue: app.queue,
  logFailure: (_error: unknown, _details: object, message: string) => void failures.push(message),
};

const withSchedules = (...schedules: Schedule<{ of: string }>[]) =>
  defineQueue({
    name: 'ticks',
    payload: Type.Object({ of: Type.String() }),
    retry: DATABASE_ONLY,
    timeoutSeconds: 60,
    ...(schedules.length > 0 && { schedules }),
  });
const every = (name: string, cron: string) => ({ name, cron, payload: { of: name } });
const daily = { queue: 'ticks', name: 'daily' };

/** The schedules of `ticks`. */
async function statuses() {
  return (await listSchedules(app.db)).filter(({ queue }) => queue === 'ticks');
}

/** Deploys a release with these schedules only. */
async function deploy(...schedules: Schedule<{ of: string }>[]) {
  const contract = withSchedules(...schedules);
  await createQueues(app, [contract]);
  return contract;
}

/** Moves the clock, and lets three workers look at once. Returns the jobs that are new since the last time. */
async function at(contract: ReturnType<typeof withSchedules>, time: string): Promise<string[]> {
  await sql`delete from pgboss.job where name = 'ticks'`.execute(app.db);
  await clock.setTime(time);
  await Promise.all([1, 2, 3].map(() => runDueSchedules(scheduler, [contract])));
  return (await jobsOf(app, contract)).map(({ data }) => data.of).sort();
}

t.test('each schedule of a queue enqueues its own payload, once for all workers', async (t) => {
  const rrule = 'FREQ=DAILY;BYHOUR=7,9';
  const inTokyo = { name: 'rule', rrule, timeZone: 'Asia/Tokyo', payload: { of: 'rule' } };
  const ticks = await deploy(every('daily', '0 7 * * *'), inTokyo);
  t.same(await at(ticks, '2027-03-27T21:59Z'), []);
  t.same(await at(ticks, '2027-03-27T22:01Z'), ['rule'], 'at 7:00 in Tokyo');
  t.same(await at(ticks, '2027-03-28T00:01Z'), ['rule'], 'at 9:00 in Tokyo');
  t.same(await at(ticks, '2027-03-28T05:00Z'), ['daily'], 'at 7:00 in Berlin, in summer time since 2:00');
  t.same(await at(ticks, '2027-03-28T06:00Z'), [], 'at 7:00 in UTC');
  const [one, other] = await statuses();
  t.not(one?.lastJobId, other?.lastJobId, 'each has its own last job');
});

t.test('a time of day that the clocks skip or repeat enqueues one job', async (t) => {
  const ticks = await deploy(every('daily', '30 2 * * *'));
  for (const [from, expected] of [
    [Date.parse('2028-03-25T12:00Z'), '2028-03-26T01:30:00.000Z'],
    [Date.parse('2028-10-28T12:00Z'), '2028-10-29T00:30:00.000Z'],
  ] as const) {
    await at(ticks, new Date(from).toISOString());
    const times: string[] = [];
    for (let minutes = 30; minutes <= 24 * 60; minutes += 30) {
      const time = new Date(from + minutes * 60_000).toISOString();
      if ((await at(ticks, time)).length > 0) times.push(time);
    }
    t.same(times, [expected]);
  }
});

t.test('times that passed without a worker are made up for by one job', async (t) => {
  const ticks = await deploy(every('hourly', '0 * * * *'));
  t.same(await at(ticks, '2028-11-05T12:30Z'), ['hourly']);
  t.same(await at(ticks, '2028-11-05T12:59Z'), []);
  t.same(await at(ticks, '2028-11-05T13:00Z'), ['hourly'], 'it goes on as before');
});

t.test('a paused schedule enqueues nothing, and continues from its next time', async (t) => {
  const ticks = await deploy(every('daily', '0 7 * * *'), every('hourly', '0 * * * *'));
  await at(ticks, '2028-11-06T08:00Z');
  await pauseSchedule(app.db, daily);
  t.same(await at(ticks, '2028-11-09T08:00Z'), ['hourly']);
  await pauseSchedule(app.db, daily);
  const hourly = { queue: 'ticks', name: 'hourly' };
  await clock.setTime('2028-11-09T09:30Z');
  await resumeSchedule(app.db, hourly);
  t.same(await at(ticks, '2028-11-09T09:30Z'), ['hourly'], 'it was not paused, so it was still due');
  await pauseSchedule(app.db, hourly);
  await resumeSchedule(app.db, hourly);
  await resumeSchedule(app.db, hourly); // As by two people at once.
  const times = async () =>
    (await statuses()).map(({ nextAt, pausedAt }) => [nextAt?.toISOString(), pausedAt?.toISOString()]);
  const ofHourly = ['2028-11-09T10:00:00.000Z', undefined];
  t.same(await times(), [['2028-11-07T06:00:00.000Z', '2028-11-06T08:00:00.000Z'], ofHourly]);
  await resumeSchedule(app.db, daily);
  t.same(await times(), [['2028-11-10T06:00:00.000Z', undefined], ofHourly], 'what had passed was left out');
  t.same(await at(ticks, '2028-11-10T06:00Z'), ['daily', 'hourly']);
});

t.test('a schedule whose rule has ended enqueues its last job, and no more when it is resumed', async (t) => {
  const rrule = 'FREQ=DAILY;BYHOUR=7;UNTIL=20281112T120000Z';
  const ticks = await deploy(...['daily', 'paused'].map((name) => ({ name, rrule, payload: { of: name } })));
  await pauseSchedule(app.db, { queue: 'ticks', name: 'paused' });
  t.same(await at(ticks, '2028-11-12T08:00Z'), ['daily']);
  await resumeSchedule(app.db, { queue: 'ticks', name: 'paused' });
  t.same(await at(ticks, '2028-11-12T08:01Z'), []);
  t.same(
    (await statuses()).map(({ nextAt }) => nextAt),
    [null, null],
  );
});

t.test(
  'a release adds, changes and removes schedules, and leaves what is due and paused alone',
  async (t) => {
    const rules = async () =>
      (await listSchedules(app.db))
        .filter(({ queue }) => queue === 'ticks')
        .map(({ name, rule, pausedAt }) => `${name}: ${rule}${pausedAt === null ? '' : ', paused'}`);
    await deploy(every('daily', '0 7 * * *'), every('hourly', '0 * * * *'));
    await pauseSchedule(app.db, daily);
    await clock.setTime('2028-12-01T12:00Z');
    const changed = await deploy(
      every('daily', '0 8 * * *'),
      every('hourly', '0 * * * *'),
      every('weekly', '0 0 * * 1'),
    );
    t.same(await rules(), ['daily: 0 8 * * *, paused', 'hourly: 0 * * * *', 'weekly: 0 0 * * 1']);
    t.same(await at(changed, '2028-12-01T12:30Z'), ['hourly'], 'one was due before the release');
    const removed = await deploy(every('hourly', '0 * * * *'));
    t.same(await rules(), ['hourly: 0 * * * *']);
    t.same(await at(changed, '2028-12-20T12:00Z'), ['hourly']);
    t.same(await at(removed, '2028-12-20T12:30Z'), []);
  },
);

t.test('a worker leaves schedules of another release alone', async (t) => {
  await deploy(every('hourly', '0 * * * *'));
  t.same(await at(withSchedules(), '2028-12-21T12:00Z'), []);
  t.same(await at(withSchedules(every('hourly', '0 * * * *')), '2028-12-21T12:01Z'), ['hourly']);
});

t.test('if a worker is killed while it enqueues a job, another enqueues it', async (t) => {
  const ticks = await deploy(every('hourly', '0 * * * *'));
  await at(ticks, '2028-12-22T12:30Z');
  await clock.setTime('2028-12-22T13:00Z');
  await app.db.transaction().execute(async (trx) => {
    await sql`lock table pgboss.job_common in share row exclusive mode`.execute(trx);
    const running = runDueSchedules(scheduler, [ticks]);
    await waitFor(async () => {
      const { rows } = await sql`
        select pg_terminate_backend(pid) from pg_locks where not granted and relation = 'pgboss.job_common'::regclass
      `.execute(trx);
      return rows.length > 0;
    }, 'it has set the next time, waits to enqueue, and loses its connection');
    return running;
  });
  t.same(failures, ['could not run a schedule'], 'the failure is logged');
  t.same(await at(ticks, '2028-12-22T13:00Z'), ['hourly']);
});

t.test('workers that start after an outage run it once', async (t) => {
  const ticks = await deploy(every('hourly', '0 * * * *'));
  await sql`delete from pgboss.job where name = 'ticks'`.execute(app.db);
  await clock.setTime('2028-12-24T12:30Z');
  let runs = 0;
  const job = defineJob(ticks, async () => {
    runs += 1;
  });
  const workers = await Promise.all(
    [1, 2].map(() => build(t, { DATABASE_URL: app.config.databaseUrl }, { role: 'worker', clock })),
  );
  await Promise.all(workers.map((worker) => worker.queue.work([job], { concurrency: 1 })));
  await waitFor(async () => (await jobsOf(app, ticks, ['completed'])).length > 0, 'it has run');
  t.same(await jobsOf(app, ticks, ['created', 'retry', 'active']), []);
  t.equal(runs, 1);
});

t.test('a schedule can be run now, which changes nothing about its next time', async (t) => {
  const ticks = await deploy(every('daily', '0 7 * * *'));
  await at(ticks, '2029-01-01T12:00Z');
  const id = await runScheduleNow(app, [ticks], daily);
  t.match(await jobsOf(app, ticks), [{ data: { of: 'daily' } }, { id, data: { of: 'daily' } }]);
  t.match(await statuses(), [{ lastJobId: id, lastState: 'ready', nextAt: '2029-01-02T06:00Z' }]);
  t.equal((await statuses()).length, 1, 'once, although the queue has two jobs');
  await t.rejects(runScheduleNow(app, [ticks], { queue: 'ticks', name: 'weekly' }), { name: 'RangeError' });
});

t.test('a schedule whose job must be unique enqueues none while one waits, and keeps the last', async (t) => {
  const ticks = withSchedules(every('daily', '0 7 * * *'));
  const unique = { ...ticks, key: { of: () => 'all', rule: 'unique-until-done' } } as const;
  await createQueues(app, [unique]);
  t.same(await at(unique, '2029-02-01T12:00Z'), ['daily']);
  const before = await statuses();
  t.match(before, [{ lastJobId: /-/, lastState: 'ready' }]);
  t.equal(await runScheduleNow(app, [unique], daily), undefined);
  t.same(await statuses(), before);
});
