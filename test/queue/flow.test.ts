import Fastify, { type FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { Type } from 'typebox';
import { KEEP_DEAD_SECONDS } from '../../src/queue/dead-letters.ts';
import { MAX_STEPS } from '../../src/queue/flow.ts';
import {
  defineJob,
  defineQueue,
  type FlowNode,
  findRelations,
  type JobLink,
  PermanentFailure,
  type QueueContract,
  queue,
  step,
} from '../../src/queue/index.ts';
import type { Notify } from '../../src/queue/wake.ts';
import { pictureQueue } from '../../src/queues.ts';
import { buildShared } from '../support/build.ts';
import { createQueues, deadLettersOf, jobsOf, supervise } from '../support/jobs.ts';
import { waitFor } from '../support/wait-for.ts';

const contract = {
  payload: Type.Object({ name: Type.String() }, { additionalProperties: false }),
  retry: { limit: 0, delaySeconds: 1, maxDelaySeconds: 1 },
  timeoutSeconds: 60,
};
const parts = defineQueue({ name: 'parts', ...contract });
const wholes = defineQueue({ name: 'wholes', ...contract });

const emptied = await buildShared(t);
const shared = await emptied();
await createQueues(shared, [parts, wholes]);
await supervise(t, shared);

/** Works both queues. Returns the names in the order of their ends; those in `failing` fail for good. */
async function work({ queue }: FastifyInstance, failing = new Set<string>()): Promise<string[]> {
  const done: string[] = [];
  const jobs = [parts, wholes].map((each) =>
    defineJob(each, async (_app, { name }) => {
      if (failing.has(name)) throw new PermanentFailure('as intended');
      done.push(name);
    }),
  );
  await queue.work(jobs, { concurrency: 5 });
  return done;
}

const filterOf = (queue: string, id: string) => ({ queues: [queue], id });

t.test('a job starts after the jobs before it, across queues', async (t) => {
  const app = await emptied();
  const a = step(parts, { name: 'a' });
  const b = step(parts, { name: 'b' });
  const both = step(wholes, { name: 'both' }, { after: [a, b] });
  const last = step(parts, { name: 'last' }, { after: [both] });
  const [id = ''] = await app.db.transaction().execute((trx) => app.queue.flow([last], { db: trx }));
  t.ok((await jobsOf(app, parts)).some((job) => job.id === id && job.data.name === 'last'));
  const done = await work(app);
  await waitFor(() => done.length === 4, 'all are done');
  t.same(done.slice(0, 2).sort(), ['a', 'b']);
  t.same(done.slice(2), ['both', 'last']);
  await app.queue.stopWorking();
});

t.test('a flow is enqueued although its workers cannot be woken', async (t) => {
  const shared = await emptied();
  const app = Fastify();
  t.teardown(() => app.close());
  const woken: string[] = [];
  const notify: Notify = async (_db, _channel, queues) => {
    woken.push(...queues);
    throw new Error('cannot notify');
  };
  const { db, config } = shared;
  await app.register(queue, { db, notify, connection: config.databaseUrl ?? '', supervises: false });
  const [id = ''] = await app.queue.flow(
    [step(wholes, { name: 'b' }, { after: [step(parts, { name: 'a' })] })],
    { db },
  );
  t.match(await jobsOf(shared, wholes), [{ id }]);
  t.same(woken, ['wholes', 'parts']);
});

t.test('a flow whose transaction rolls back leaves no job, and an invalid one is refused', async (t) => {
  const app = await emptied();
  const a = step(parts, { name: 'a' });
  const rolledBack = app.db.transaction().execute(async (trx) => {
    await app.queue.flow([step(wholes, { name: 'b' }, { after: [a] })], { db: trx });
    throw new Error('the power went');
  });
  await t.rejects(rolledBack, { message: 'the power went' });

  const refused = (steps: ReturnType<typeof step>[], message: RegExp) =>
    t.rejects(app.queue.flow(steps, { db: app.db }), { name: 'TypeError', message });
  // As if it came from JSON, which has no types.
  const faulty = step(wholes, JSON.parse('{ "title": "b" }'), { after: [a] });
  await refused([faulty], /^wholes job: payload must/);
  const picture = step(pictureQueue, { userId: 1 }, { after: [a] });
  await refused([picture], /^pictures job: a queue with keys cannot be part of a flow/);
  await refused([a, step(parts, { name: 'b' })], /^flow: no job comes after another/);
  const many = Array.from({ length: MAX_STEPS }, () => step(parts, { name: 'b' }, { after: [a] }));
  await refused(many, /^flow: has more than 100 jobs/);
  t.same([...(await jobsOf(app, parts)), ...(await jobsOf(app, wholes))], []);
});

t.test(
  'a flow has a hundred jobs at most, each with its time and kept as long as it may be needed',
  async (t) => {
    const app = await emptied();
    const { db } = app;
    const startAfter = new Date(Date.now() + 60 * 60_000);
    let last = step(parts, { name: '1' }, { startAfter });
    for (let n = 2; n <= MAX_STEPS; n += 1) last = step(wholes, { name: String(n) }, { after: [last] });
    t.equal((await app.queue.flow([last], { db })).length, 1);
    const tooMany = app.queue.flow([step(wholes, { name: '101' }, { after: [last] })], { db });
    await t.rejects(tooMany, { name: 'TypeError', message: /^flow: has more than 100 jobs/ });

    const { rows } = await sql`
    select data ->> 'name' as name, extract(day from keep_until - start_after)::int as waits,
      deletion_seconds / 86400 as kept, start_after as at
    from pgboss.job where name in ('parts', 'wholes') order by (data ->> 'name')::int
  `.execute(db);
    t.equal(rows.length, MAX_STEPS);
    t.match(rows[0], { name: '1', waits: 365, kept: 90, at: startAfter.toISOString() });
    t.match(rows[1], { name: '2', waits: 90, kept: 90 });
    t.match(rows.at(-1), { name: '100', waits: 90, kept: 7 });
  },
);

t.test('a job that fails for good holds up those after it until it is retried or redriven', async (t) => {
  const app = await emptied();
  const { db, queueAdmin } = app;
  const failing = new Set(['a', 'b']);
  for (const name of failing) {
    await app.queue.flow([step(wholes, { name: `after ${name}` }, { after: [step(parts, { name })] })], {
      db,
    });
  }
  const done = await work(app, failing);
  await waitFor(async () => (await deadLettersOf(app, parts)).length === 2, 'both have failed');
  const [first, second] = (await deadLettersOf(app, parts)).sort((x, y) =>
    x.data.name < y.data.name ? -1 : 1,
  );

  await queueAdmin.act(db, 'redrive', filterOf('parts.dead', first?.id ?? ''));
  await waitFor(async () => (await deadLettersOf(app, parts)).length === 2, 'it has failed again');
  t.same(done, []);
  t.equal((await jobsOf(app, wholes)).length, 2, 'those after them wait');

  failing.clear();
  const [again] = (await deadLettersOf(app, parts)).filter(({ data }) => data.name === 'a');
  await queueAdmin.act(db, 'redrive', filterOf('parts.dead', again?.id ?? ''));
  await waitFor(() => done.length === 2, 'it is redriven');
  t.same(done, ['a', 'after a']);
  const { rows: kept } = await sql`
    select distinct deletion_seconds as seconds from pgboss.job where name = 'parts' and data ->> 'name' = 'a'
  `.execute(db);
  t.same(kept, [{ seconds: KEEP_DEAD_SECONDS }], 'all are kept as long as dead letters');
  const failed = await jobsOf(app, parts, ['failed']);
  const [original] = failed.filter(({ data }) => data.name === second?.data.name);
  await queueAdmin.act(db, 'retry', filterOf('parts', original?.id ?? ''));
  await waitFor(() => done.length === 4, 'the other is retried');
  t.same(done, ['a', 'after a', 'b', 'after b']);
  await app.queue.stopWorking();
});

t.test('a cancelled job holds up those after it, and cannot be deleted before them', async (t) => {
  const app = await emptied();
  const { db, queueAdmin } = app;
  const [a, c] = [step(parts, { name: 'a' }), step(parts, { name: 'c' })];
  const [b = '', aId = '', dId = '', cId = ''] = await app.queue.flow(
    [
      step(wholes, { name: 'b' }, { after: [a] }),
      a,
      step(wholes, { name: `$1's \\ "d"` }, { after: [c] }),
      c,
    ],
    { db },
  );
  t.equal(await queueAdmin.act(db, 'cancel', filterOf('parts', aId)), 1);
  t.equal(await queueAdmin.act(db, 'cancel', filterOf('wholes', dId)), 1);
  const done = await work(app);
  await waitFor(() => done.length === 1, 'one may start');
  t.same(done, ['c'], 'jobs after a cancelled one are held up, and those before it are not');
  t.equal(await queueAdmin.act(db, 'delete', filterOf('parts', aId)), 0, 'b waits for it');
  t.equal(await queueAdmin.act(db, 'delete', filterOf('wholes', dId)), 1);
  await waitFor(async () => (await queueAdmin.act(db, 'delete', filterOf('parts', cId))) === 1, 'it is free');

  t.equal(await queueAdmin.act(db, 'restore', filterOf('parts', aId)), 1);
  await waitFor(() => done.length === 3, 'it goes on');
  t.same(done, ['c', 'a', 'b']);
  await app.queue.stopWorking();
  t.match(await jobsOf(app, wholes, ['completed']), [{ id: b }]);
});

t.test('the relations of a job are its whole flow, and no other', async (t) => {
  const { db, queue, queueAdmin } = await emptied();
  const [a, b] = [step(parts, { name: 'a' }), step(parts, { name: 'b' })];
  const both = step(wholes, { name: 'both' }, { after: [a, b] });
  const steps = { a, b, both, last: step(parts, { name: 'last' }, { after: [both] }) };
  const other = step(wholes, { name: 'after a' }, { after: [a] });
  const ids = await queue.flow([...Object.values(steps), other], { db });
  const lone = step(parts, { name: 'x' });
  const [x = '', y = ''] = await queue.flow([lone, step(wholes, { name: 'y' }, { after: [lone] })], { db });
  const nameOf = ({ id }: JobLink) => [...Object.keys(steps), 'after a'][ids.indexOf(id)] ?? 'another';
  const find = async (id: string, { name }: QueueContract) => {
    const job = { id, queue: name, sourceId: null, sourceQueue: null, data: {} };
    const { flow, isWaitedFor } = await findRelations(db, job);
    const linesOf = (nodes: readonly FlowNode[], before = ''): string[] =>
      nodes.flatMap((node) => [
        `${[before, ...node.alsoAfter.map(nameOf)].sort().join('')} ${nameOf(node)} ${node.state}`.trim(),
        ...linesOf(node.next, nameOf(node)),
      ]);
    return { lines: linesOf(flow).sort(), isWaitedFor };
  };
  const lines = ['a after a blocked', 'a ready', 'ab both blocked', 'b ready', 'both last blocked'];
  for (const [index, { contract, payload }] of [...Object.values(steps), other].entries()) {
    const { name } = payload as { name: string };
    const isWaitedFor = name !== 'last' && name !== 'after a';
    t.same(await find(ids[index] ?? '', contract), { lines, isWaitedFor }, name);
  }
  await queueAdmin.act(db, 'cancel', filterOf('wholes', y));
  const two = ['another another cancelled', 'another ready'];
  t.same(await find(x, parts), { lines: two, isWaitedFor: true }, 'one that is cancelled may be restored');
  const deadLetter = { id: '00000000-0000-4000-8000-000000000001', queue: 'parts.dead', data: {} };
  const ofOriginal = await findRelations(db, { ...deadLetter, sourceId: x, sourceQueue: 'parts' });
  t.match(ofOriginal, { flow: [{ id: x, next: [{ id: y }] }], isWaitedFor: true });
  await sql`update pgboss.job set blocked = false where id = ${y}::uuid`.execute(db);
  t.same(await find(x, parts), { lines: two, isWaitedFor: false }, 'nor does one wait that has started');
  await queueAdmin.act(db, 'delete', filterOf('wholes', y));
  t.same(await find(x, parts), { lines: [], isWaitedFor: false });
});
