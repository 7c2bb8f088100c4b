import { sql } from 'kysely';
import t from 'tap';
import {
  findJob,
  forgetRepeatedHandBacks,
  recordAttemptEnds,
  recordAttempts,
} from '../../src/queue/attempts.ts';
import { followAttempts, newestAttempt } from '../../src/queue/follow.ts';
import { mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { attemptsOf } from '../support/jobs.ts';

const app = await build(t);
const { db } = app;

/** Enqueues a job, and records two attempts at it. */
async function attemptTwice() {
  const jobId = (await app.queue.send(mailQueue, { template: 'confirm-account', userId: 1 }, { db })) ?? '';
  for (const attempt of [1, 2])
    await recordAttempts(db, { queue: 'mail', worker: 'a:1', attempts: [{ jobId, attempt }] });
  return jobId;
}

t.test(
  'an attempt without a recorded end is lost, unless it is the last and its job says more',
  async (t) => {
    await attemptTwice(); // Another job.
    const id = await attemptTwice();
    const endedAt = '2027-03-27T12:00Z';
    for (const [state, outcome] of [
      ['retry', 'lost'],
      ['active', 'running'],
      ['completed', 'completed'],
      ['cancelled', 'cancelled'],
      ['failed', 'lost'],
    ] as const) {
      await sql`
      update pgboss.job set state = ${state}::text::pgboss.job_state, completed_on = ${endedAt}::timestamptz where id = ${id}::uuid
    `.execute(db);
      const job = await findJob(db, 'mail', id);
      t.match(
        job?.history,
        [
          { attempt: 1, worker: 'a:1', outcome: 'lost', endedAt: null },
          { attempt: 2, outcome, endedAt: outcome === state ? endedAt : null },
        ],
        state,
      );
    }
    t.equal(await findJob(db, 'exports', id), undefined);

    await sql`
    insert into pgboss.job (name, data, source_name, source_id) values ('mail.dead', '{}', 'mail', ${id}::uuid)
  `.execute(db);
    const { rows } = await sql<{ id: string }>`select id from pgboss.job where name = 'mail.dead'`.execute(
      db,
    );
    await sql`update pgboss.job set state = 'active' where name = 'mail.dead'`.execute(db);
    const dead = await findJob(db, 'mail.dead', rows[0]?.id ?? '');
    t.match(
      dead?.history,
      [{ attempt: 1 }, { attempt: 2, outcome: 'lost', endedAt: null }],
      'its original’s',
    );
  },
);

t.test('a worker records the ends of its own attempts, each once', async (t) => {
  const jobId = await attemptTwice();
  const second = [{ jobId, attempt: 2 }];
  await recordAttempts(db, { queue: 'mail', worker: 'b:1', attempts: second });
  await recordAttemptEnds(db, second, { worker: 'a:1', outcome: 'failed', error: 'no' });
  await recordAttemptEnds(db, second, { worker: 'a:1', outcome: 'timed out', error: 'late' });
  t.match(await attemptsOf(app, jobId), [
    { attempt: 1, outcome: null, ended_at: null },
    { attempt: 2, worker: 'a:1', outcome: 'failed', error: 'no', ended_at: Date },
    { attempt: 2, worker: 'b:1', outcome: null },
  ]);
  const job = await findJob(db, 'mail', jobId);
  t.match(job?.history, [{ outcome: 'lost' }, { outcome: 'failed', endedAt: Date }, { outcome: 'lost' }]);
});

t.test('only the same hand-back by the same worker is forgotten', async (t) => {
  const jobId = await attemptTwice();
  const first = [{ jobId, attempt: 1 }];
  const [closed, full] = ['closed until noon', 'full'];
  await recordAttempts(db, { queue: 'mail', worker: 'b:1', attempts: first });
  await recordAttemptEnds(db, first, { worker: 'a:1', outcome: 'deferred', error: closed });
  await recordAttemptEnds(db, first, { worker: 'b:1', outcome: 'handed back', error: closed });
  await recordAttemptEnds(db, [{ jobId, attempt: 2 }], { worker: 'a:1', outcome: 'failed', error: closed });
  const outcomes = async () =>
    (await attemptsOf(app, jobId)).map(({ worker, outcome }) => `${worker} ${outcome}`);
  const all = ['a:1 deferred', 'a:1 failed', 'b:1 handed back'];
  await forgetRepeatedHandBacks(db, first, { worker: 'a:1', error: full });
  await forgetRepeatedHandBacks(db, [{ jobId, attempt: 2 }], { worker: 'a:1', error: closed });
  t.same(await outcomes(), all);
  await forgetRepeatedHandBacks(db, first, { worker: 'b:1', error: closed });
  t.same(await outcomes(), all.slice(0, 2));
  await forgetRepeatedHandBacks(db, first, { worker: 'a:1', error: closed });
  t.same(await outcomes(), all.slice(1, 2));
});

t.test('attempts are followed from their start to their end', async (t) => {
  await attemptTwice();
  const jobId = await attemptTwice();
  const last = await newestAttempt(db);
  const before = last - 2;
  const follow = async (after: number, ...running: number[]) =>
    (await followAttempts(db, { after, running })).map(({ id, outcome }) => [id - before, outcome]);
  for (const [state, outcome] of [
    ['active', 'running'],
    ['completed', 'completed'],
    ['cancelled', 'cancelled'],
    ['retry', 'lost'],
  ] as const) {
    await sql`update pgboss.job set state = ${state}::text::pgboss.job_state, retry_count = 1 where id = ${jobId}::uuid`.execute(
      db,
    );
    const [first, second] = [
      [1, 'lost'],
      [2, outcome],
    ];
    t.same(await follow(before), [first, second], 'the first was lost, or it would be the last');
    t.same(await follow(last, last), [second]);
    t.same(await follow(before + 1, before + 1), [first, second]);
    t.same(await follow(last), []);
  }
  await recordAttemptEnds(db, [{ jobId, attempt: 2 }], { worker: 'a:1', outcome: 'failed', error: 'no' });
  t.match(await followAttempts(db, { after: last - 1, running: [] }), [
    { queue: 'mail', jobId, attempt: 2, worker: 'a:1', outcome: 'failed', error: 'no' },
  ]);
  await sql`delete from pgboss.job where id = ${jobId}::uuid`.execute(db);
  t.same(await follow(before), [
    [1, 'lost'],
    [2, 'failed'],
  ]);
  await db.deleteFrom('job_attempts').execute();
  t.equal(await newestAttempt(db), 0);
});
