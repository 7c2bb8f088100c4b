import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { findJob } from '../../src/queue/attempts.ts';
import {
  abortLost,
  type Claim,
  ClaimLost,
  outcomeOf,
  ShuttingDown,
  untilAborted,
} from '../../src/queue/claim.ts';
import { PermanentFailure, SlowDown, TimedOut, TryLater } from '../../src/queue/errors.ts';
import { defineJob, UnknownPayload } from '../../src/queue/job.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { attemptsOf, deadLettersOf, jobsOf } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

const payload = { template: 'confirm-account', userId: 1 } as const;
const notYet = defineJob(mailQueue, async () => {
  throw new TryLater(3600, 'the other site is closed until noon');
});

t.test('a job that throws TryLater waits without losing an attempt, and says why', async (t) => {
  const app = await build(t);
  await app.queue.send(mailQueue, payload, { db: app.db });
  const outcomes: string[] = [];
  app.queue.events.on('ended', ({ outcome }) => outcomes.push(outcome));
  await app.queue.work([notYet], { concurrency: 1 });
  await waitFor(() => outcomes.length === 1, 'it has said so');

  const [job] = await jobsOf(app, mailQueue);
  t.match(job, { state: 'retry', retryCount: 0 });
  const shown = await findJob(app.db, mailQueue.name, job?.id ?? '');
  t.match(shown, { state: 'deferred', attempts: 0, message: 'the other site is closed until noon' });
  const seconds = ((shown?.startAfter.getTime() ?? 0) - Date.now()) / 1000;
  t.ok(seconds > 3500 && seconds <= 3600, `it waits for ${seconds} s`);

  await sql`update pgboss.job set start_after = now() where name = 'mail'`.execute(app.db);
  await waitFor(() => outcomes.length === 2, 'it runs again');
  const attempts = await attemptsOf(app, job?.id);
  t.match(attempts, [{ attempt: 1, outcome: 'deferred', error: /^the other site is closed until noon$/ }]);
  t.equal(attempts.length, 1, 'however often, the history has it once');

  await app.queue.stopWorking();
  await sql`update pgboss.job set start_after = now() where name = 'mail'`.execute(app.db);
  await app.queue.work([defineJob(mailQueue, async () => {})], { concurrency: 1 });
  const [done] = await waitFor(async () => {
    const jobs = await jobsOf(app, mailQueue, ['completed']);
    return jobs.length === 1 && jobs;
  }, 'it is done');
  t.match(done, { retryCount: 0, output: null }, 'and no longer says that it waits');
});

t.test(
  'a job that has deferred itself for a month goes to the dead letter queue with the reason',
  async (t) => {
    const app = await build(t);
    await app.queue.send(mailQueue, payload, { db: app.db });
    const { rows } =
      await sql`select date_part('day', keep_until - start_after) as days from pgboss.job`.execute(app.db);
    t.same(rows, [{ days: 365 }], 'one that waits for a limit or for a worker is kept for longer');
    await sql`
    update pgboss.job set keep_until = keep_until - interval '30 days' + interval '59 minutes' where name = 'mail'
  `.execute(app.db);
    await app.queue.work([notYet], { concurrency: 1 });
    await waitFor(async () => (await deadLettersOf(app, mailQueue)).length === 1, 'it is a dead letter');
    const [failed] = await jobsOf(app, mailQueue, ['failed']);
    t.equal(failed?.output?.message, 'waited for more than 30 days: the other site is closed until noon');
  },
);

t.test('an invalid wait is refused where it is thrown', async (t) => {
  for (const seconds of [0, -1, Number.NaN, Infinity]) {
    t.throws(() => new TryLater(seconds, 'never'), {
      name: 'RangeError',
      message: `TryLater: seconds must be a positive number, not ${seconds}`,
    });
  }
});

/** A claim of a job that was enqueued, and could first run, some milliseconds before. */
function claimAfter(ms: number): Claim {
  const claimedAt = new Date();
  const before = new Date(claimedAt.getTime() - ms);
  const times = { claimedAt, createdAt: before, firstStart: before };
  return { jobId: 'a', ...times, controller: new AbortController() } as Claim;
}

t.test('the outcome of an attempt depends on its error, its age and why it was aborted', async (t) => {
  const day = 24 * 60 * 60 * 1000;
  const putOff = new TryLater(60, 'closed');
  const unknown = new UnknownPayload('/a must be integer');
  for (const [error, ms, outcome] of [
    [new Error('no'), 40 * day, 'failed'],
    ['no', 0, 'failed'],
    [new TimedOut('slow'), 0, 'timed out'],
    [new PermanentFailure('never'), 0, 'given up'],
    [new SlowDown('too much'), 40 * day, 'deferred'],
    [putOff, 30 * day - 60_001, 'deferred'],
    [putOff, 30 * day - 60_000, 'given up'],
    [unknown, day - 1, 'handed back'],
    [unknown, day, 'given up'],
  ] as const)
    t.equal(outcomeOf(error, claimAfter(ms)), outcome, `${error} after ${ms} ms`);
  for (const [reason, outcome] of [
    [new ClaimLost('cancelled'), 'taken away'],
    [new ShuttingDown('the worker stops'), 'handed back'],
    [new TimedOut('slow'), 'failed'],
  ] as const) {
    const claim = claimAfter(0);
    claim.controller.abort(reason);
    t.equal(outcomeOf(new Error('no'), claim), outcome);
  }
});

t.test('only a claim that is lost is aborted, and not a later one of the same job', async (t) => {
  const [claim, other] = [claimAfter(0), { ...claimAfter(0), jobId: 'b' }];
  abortLost(
    [claim, other],
    [
      { ...claim, claimedAt: new Date(0) },
      { ...other, jobId: 'c' },
    ],
  );
  t.notOk(claim.controller.signal.aborted || other.controller.signal.aborted);
  const again = { ...claim, claimedAt: new Date(claim.claimedAt) };
  abortLost([other, claim], [{ ...other, jobId: 'c' }, again]);
  t.type(claim.controller.signal.reason, ClaimLost);
  t.notOk(other.controller.signal.aborted);
});

t.test('work is awaited until it is aborted, and for a moment longer if its worker stops', async (t) => {
  const abortedBy = (reason: Error, work: Promise<string>) => {
    const controller = new AbortController();
    const result = untilAborted(work, controller.signal);
    controller.abort(reason);
    return result;
  };
  const lost = new ClaimLost('cancelled');
  await t.rejects(Promise.race([abortedBy(lost, new Promise(() => {})), sleep(0)]), lost, 'at once');
  const stops = new ShuttingDown('the worker stops');
  t.equal(await abortedBy(stops, sleep(1, 'done')), 'done');
  t.equal(await untilAborted(sleep(1, 'done'), new AbortController().signal), 'done');
});
