import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { endBatches, findBatch, MAX_MEMBERS } from '../../src/queue/batch.ts';
import {
  type Batch,
  batchCounts,
  defineJob,
  defineQueue,
  findRelations,
  PermanentFailure,
} from '../../src/queue/index.ts';
import { pictureQueue } from '../../src/queues.ts';
import { build, buildShared } from '../support/build.ts';
import { createQueues, deadLettersOf, jobsOf } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

const settings = { retry: { limit: 0, delaySeconds: 1, maxDelaySeconds: 1 }, timeoutSeconds: 60 };
const parts = defineQueue({
  name: 'parts',
  payload: Type.Object({ n: Type.Integer() }, { additionalProperties: false }),
  ...settings,
});
const endings = defineQueue({
  name: 'endings',
  payload: Type.Object({ of: Type.String(), counts: batchCounts() }, { additionalProperties: false }),
  ...settings,
});

const emptied = await buildShared(t);
const shared = await emptied();
await createQueues(shared, [parts, endings]);

/** Enqueues a batch with a job for each number. */
function enqueue({ db, queue }: FastifyInstance, numbers: readonly number[]): Promise<Batch> {
  return db.transaction().execute(async (trx) => {
    const batch = await queue.startBatch(endings, { of: 'all' }, { db: trx });
    await queue.sendAll(
      parts,
      numbers.map((n) => ({ n })),
      { db: trx, batch },
    );
    await queue.closeBatch(batch, { db: trx });
    return batch;
  });
}

/** Works both queues. Numbers below zero fail for good. Returns what is done, and the endings' counts. */
async function work({ queue }: FastifyInstance, before: (n: number) => Promise<void> = async () => {}) {
  const done: number[] = [];
  const ended: object[] = [];
  const part = defineJob(parts, async (_app, { n }) => {
    await before(n);
    if (n < 0) throw new PermanentFailure('as intended');
    done.push(n);
  });
  const ending = defineJob(endings, async (_app, { counts }) => {
    ended.push(counts);
  });
  await queue.work([part, ending], { concurrency: 5 });
  return { done, ended };
}

const jobId = async (app: FastifyInstance, n: number) =>
  (await jobsOf(app, parts)).find(({ data }) => data.n === n)?.id ?? '';
const act = (
  { db, queueAdmin }: FastifyInstance,
  action: 'cancel' | 'delete' | 'redrive' | 'restore',
  id: string,
) => queueAdmin.act(db, action, { queues: ['parts', 'parts.dead', 'endings'], id });

t.test('when a batch has ended, its last job runs with the counts', async (t) => {
  const app = await emptied();
  await enqueue(app, [1, 2, 3, -4, 5, 6]);
  await act(app, 'cancel', await jobId(app, 5));
  await act(app, 'delete', await jobId(app, 6));
  const last = Promise.withResolvers<void>();
  const { done, ended } = await work(app, async (n) => (n === 3 ? last.promise : undefined));
  await waitFor(
    async () => done.length === 2 && (await deadLettersOf(app, parts)).length === 1,
    'one is left',
  );
  await endBatches(app.db);
  t.match(await jobsOf(app, endings), [{ state: 'created', data: { counts: { done: 0 } } }], 'it waits');
  last.resolve();
  await waitFor(() => ended.length > 0, 'the batch has ended');
  t.same(ended, [{ done: 3, failed: 1, cancelled: 2, unfinished: 0 }]);
  await app.queue.stopWorking();

  t.equal(await act(app, 'redrive', (await deadLettersOf(app, parts))[0]?.id ?? ''), 1);
  await endBatches(app.db);
  t.equal((await jobsOf(app, endings)).length, 0, 'a redrive after the end is followed by nothing');
});

t.test('a dead letter that is redriven before the end counts once', async (t) => {
  const app = await emptied();
  await enqueue(app, [1, -2]);
  const last = Promise.withResolvers<void>();
  const { ended } = await work(app, async (n) => (n === 1 ? last.promise : undefined));
  await waitFor(async () => (await deadLettersOf(app, parts)).length === 1, 'one has failed');
  await sql`update pgboss.job set data = data || '{"n": 2}' where name = 'parts.dead'`.execute(app.db);
  await act(app, 'redrive', (await deadLettersOf(app, parts))[0]?.id ?? '');
  await waitFor(async () => (await jobsOf(app, parts, ['completed'])).length === 1, 'it is done');
  last.resolve();
  await waitFor(() => ended.length > 0, 'the batch has ended');
  t.same(ended, [{ done: 2, failed: 0, cancelled: 0, unfinished: 0 }]);
  await app.queue.stopWorking();
});

t.test('two workers that end the last two jobs at once start one job', async (t) => {
  const app = await emptied();
  const other = await build(t, { DATABASE_URL: app.config.databaseUrl });
  await enqueue(app, [1, 2]);
  const both = Promise.withResolvers<void>();
  let running = 0;
  const meet = () => {
    running += 1;
    if (running === 2) both.resolve();
    return both.promise;
  };
  const job = defineJob(parts, meet);
  for (const { queue } of [app, other]) await queue.work([job], { concurrency: 1 });
  await waitFor(async () => (await jobsOf(app, parts, ['completed'])).length === 2, 'both are done');
  await Promise.all(Array.from({ length: 10 }, (_, n) => endBatches(n % 2 === 0 ? app.db : other.db)));
  for (const { queue } of [app, other]) await queue.stopWorking();
  const { ended } = await work(app);
  await waitFor(() => ended.length > 0, 'the batch has ended');
  await endBatches(other.db);
  t.same(ended, [{ done: 2, failed: 0, cancelled: 0, unfinished: 0 }]);
  await app.queue.stopWorking();
  t.equal((await jobsOf(app, endings, ['completed'])).length, 1);
});

t.test('a batch is filled in several transactions, of which one may roll back', async (t) => {
  const { db, queue, ...app } = await emptied();
  const id = '00000000-0000-4000-8000-000000000001';
  const start = () =>
    db.transaction().execute((trx) => queue.startBatch(endings, { of: 'all' }, { db: trx, id }));
  const batch = await start();
  t.same(await start(), batch, 'a repeated attempt gets the same');
  await endBatches(db); // Although it has no jobs yet.
  const add = (numbers: number[]) =>
    db.transaction().execute(async (trx) => {
      await queue.sendAll(
        parts,
        numbers.map((n) => ({ n })),
        { db: trx, batch },
      );
      if (numbers.includes(0)) throw new Error('the power went');
    });
  await add([1, 2]);
  await t.rejects(add([3, 0]), { message: 'the power went' });
  await endBatches(db);
  const members = () => db.selectFrom('job_batches').select(['members', 'ended_at']).execute();
  t.same(await members(), [{ members: 2, ended_at: null }]);
  await queue.closeBatch(batch, { db });
  t.same(await start(), { id, isOpen: false });
  await t.rejects(add([4]), { name: 'TypeError', message: /^batch \S+: is closed/ });
  const shared = { ...app, db, queue } as FastifyInstance;
  t.equal((await jobsOf(shared, parts)).length, 2);
  t.equal((await jobsOf(shared, endings)).length, 1);
});

t.test('an invalid batch is refused and leaves nothing behind', async (t) => {
  const app = await emptied();
  const { db, queue } = app;
  const start = (payload: { of: string }) =>
    db.transaction().execute((trx) => queue.startBatch(endings, payload, { db: trx }));
  await t.rejects(start(JSON.parse('{ "of": 7 }')), {
    name: 'TypeError',
    message: /^endings job: \/of must be/,
  });
  await t.rejects(queue.startBatch(endings, { of: 'all' }, { db }), { message: /needs a transaction/ });
  t.same([await jobsOf(app, endings), await db.selectFrom('job_batches').select('id').execute()], [[], []]);

  const batch = await start({ of: 'all' });
  await t.rejects(queue.sendAll(parts, [{ n: 1 }], { db, batch }), { message: /needs a transaction/ });
  await db.transaction().execute(async (trx) => {
    const unique = queue.sendAll(pictureQueue, [{ userId: 1 }], { db: trx, batch });
    await t.rejects(unique, { message: /a queue with keys cannot be part of a batch/ });
    await trx.updateTable('job_batches').set({ members: MAX_MEMBERS }).execute();
    await t.rejects(queue.sendAll(parts, [{ n: 1 }], { db: trx, batch }), {
      message: /more than 1000000 jobs/,
    });
    await trx.updateTable('job_batches').set({ members: 0, ended_at: sql`now()` }).execute();
    const late = queue.sendAll(parts, [{ n: 1 }], { db: trx, batch });
    await t.rejects(late, { message: /is closed/ }, 'one that has ended because it was too old');
  });
  t.same(await jobsOf(app, parts), []);
});

t.test('a batch waits for a job of a newer release, but not forever', async (t) => {
  const app = await emptied();
  await enqueue(app, [1, 2]);
  await sql`update pgboss.job set data = data || '{"colour": "red"}' where name = 'parts' and data ->> 'n' = '2'`.execute(
    app.db,
  );
  const { done, ended } = await work(app);
  await waitFor(
    async () => done.length === 1 && (await jobsOf(app, parts, ['retry'])).length === 1,
    'one waits',
  );
  await endBatches(app.db);
  t.same(ended, []);
  await sql`update job_batches set created_at = now() - interval '5 days 23 hours'`.execute(app.db);
  await endBatches(app.db);
  t.same(await app.db.selectFrom('job_batches').select('ended_at').execute(), [{ ended_at: null }]);
  await sql`update job_batches set created_at = now() - interval '6 days 1 second'`.execute(app.db);
  await waitFor(() => ended.length > 0, 'the batch has ended');
  t.same(ended, [{ done: 1, failed: 0, cancelled: 0, unfinished: 1 }]);
  await app.queue.stopWorking();
});

t.test('a cancelled job of a batch that has ended starts when it is restored', async (t) => {
  const app = await emptied();
  await enqueue(app, []);
  const [{ id = '' } = {}] = await jobsOf(app, endings);
  t.equal(await act(app, 'cancel', id), 1);
  const { ended } = await work(app);
  await waitFor(
    async () => (await app.db.selectFrom('job_batches').select('ended_at').executeTakeFirst())?.ended_at,
    'the batch has ended',
  );
  t.same(ended, []);
  t.equal(await act(app, 'restore', id), 1);
  await waitFor(() => ended.length > 0, 'it is restored');
  t.same(ended, [{ done: 0, failed: 0, cancelled: 0, unfinished: 0 }]);
  await app.queue.stopWorking();
});

t.test('batches that have ended hold up no others, and stay as they are', async (t) => {
  const app = await emptied();
  const { db } = app;
  await sql`
    insert into job_batches (id, queue, job_id, closed_at, ended_at)
    select gen_random_uuid(), 'endings', gen_random_uuid(), now(), '2027-03-27T12:00Z' from generate_series(1, 20)
  `.execute(db);
  const { id } = await enqueue(app, []);
  await endBatches(db);
  const batches = await db.selectFrom('job_batches').select(['id', 'ended_at']).execute();
  const [own] = batches.filter((batch) => batch.id === id);
  t.type(own?.ended_at, Date);
  const others = batches.filter(({ ended_at }) => ended_at?.getTime() === Date.parse('2027-03-27T12:00Z'));
  t.equal(others.length, 20);
});

t.test('each batch has its own jobs and end, and each job its own batch', async (t) => {
  const app = await emptied();
  const { db, queue } = app;
  const [one, two] = await db.transaction().execute(async (trx) => {
    const batches = [1, 2].map((of) => queue.startBatch(endings, { of: String(of) }, { db: trx }));
    return Promise.all(batches);
  });
  if (one === undefined || two === undefined) throw new Error('unreachable');
  for (const [batch, numbers] of [
    [one, [1, 2]],
    [two, [3, 4, 5]],
  ] as const) {
    const payloads = numbers.map((n) => ({ n }));
    await db.transaction().execute((trx) => queue.sendAll(parts, payloads, { db: trx, batch }));
  }
  await queue.closeBatch(one, { db });
  t.match(await findBatch(db, one.id), { isOpen: false });
  t.match(await findBatch(db, two.id), { isOpen: true });

  const jobs = [...(await jobsOf(app, parts)), ...(await jobsOf(app, endings))];
  const batchOf = async ({ id, data }: { id: string; data: unknown }) =>
    (await findRelations(db, { id, data, queue: 'parts', sourceId: null, sourceQueue: null })).batch;
  const show = async () => {
    const found = new Set<string>();
    for (const job of jobs) {
      const { id, follower, counts, ...batch } = (await batchOf(job)) ?? {};
      const of = 'of' in job.data ? job.data.of : job.data.n <= 2 ? '1' : '2';
      t.equal(id, of === '1' ? one.id : two.id);
      t.equal(follower?.id, jobs.find(({ data }) => 'of' in data && data.of === of)?.id);
      found.add(JSON.stringify([of, follower?.state, batch, counts]));
    }
    return [...found].sort().map((text) => JSON.parse(text));
  };
  const none = { done: 0, failed: 0, cancelled: 0, unfinished: 0 };
  const second = ['2', 'blocked', { members: 3, isOpen: true, hasEnded: false }, { ...none, unfinished: 3 }];
  const first = { members: 2, isOpen: false, hasEnded: false };
  t.same(await show(), [['1', 'blocked', first, { ...none, unfinished: 2 }], second]);

  await sql`update pgboss.job set state = 'completed' where data ->> 'batchId' = ${one.id}`.execute(db);
  await endBatches(db);
  const ended = { ...first, hasEnded: true };
  t.same(await show(), [['1', 'ready', ended, { ...none, done: 2 }], second]);
  await sql`delete from pgboss.job where data ->> 'batchId' = ${one.id}`.execute(db);
  await db.transaction().execute((trx) => queue.startBatch(endings, { of: '3' }, { db: trx }));
  t.same(await show(), [['1', 'ready', ended, { ...none, done: 2 }], second], 'its counts are kept');
  await sql`delete from pgboss.job where data ->> 'of' = '1'`.execute(db);
  t.same(await show(), [['1', null, ended, { ...none, cancelled: 2 }], second], 'as long as its last job');

  await sql`update pgboss.job set state = 'failed' where name = 'parts' and data ->> 'n' <> '4'`.execute(db);
  await sql`
    insert into pgboss.job (name, data, dead_letter, source_root_id)
    select name, data, dead_letter, id from pgboss.job where data ->> 'n' = '3'
  `.execute(db);
  const third = jobs.find(({ data }) => 'n' in data && data.n === 3);
  const counts = async () => third && (await batchOf(third))?.counts;
  t.same(await counts(), { ...none, failed: 1, unfinished: 2 }, 'one was redriven');
  await sql`update pgboss.job set state = 'completed' where source_root_id is not null`.execute(db);
  t.same(await counts(), { ...none, done: 1, failed: 1, unfinished: 1 });

  const id = '00000000-0000-4000-8000-000000000009';
  for (const data of [null, 'batchId', {}, { batchId: 7 }, { batchId: 'x' }, { batchId: null }])
    t.equal(await batchOf({ id, data }), undefined, JSON.stringify(data));
});
