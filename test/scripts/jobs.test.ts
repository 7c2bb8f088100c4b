import t, { type Test } from 'tap';
import { runJobsCommand } from '../../scripts/support/jobs.ts';
import { listActions, step } from '../../src/queue/index.ts';
import { digestSummaryQueue, erasureQueue, mailQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { drain } from '../support/jobs.ts';
import { start } from '../support/processes.ts';
import { waitFor } from '../support/wait-for.ts';

async function prepare(t: Test) {
  const app = await build(t);
  const { id: userId } = await createUser(app);
  for (const template of ['password-changed', 'two-factor-on'] as const)
    await app.queue.send(mailQueue, { template, userId }, { db: app.db });
  const lines: string[] = [];
  const questions: string[] = [];
  const stopping = new AbortController();
  const terminal = {
    app,
    signal: stopping.signal,
    print: (text: string) => void lines.push(...text.split('\n')),
    ask: async (question: string) => void questions.push(question),
  };
  const run = async (name: string, options: Partial<Parameters<typeof runJobsCommand>[2]> = {}) => {
    lines.length = 0;
    await runJobsCommand(terminal, name, { json: false, ...options });
    return lines.join('\n');
  };
  return { app, run, lines, questions, stopping };
}

t.test('jobs are counted, listed, found and shown', async (t) => {
  const { run } = await prepare(t);
  t.match(await run('stats'), /^queue +ready +running.*^mail +2 +0 +0 +0 +0 +0 +0$/ms);
  t.match(await run('stats'), 'No workers are running.');
  const { queues, workers } = JSON.parse(await run('stats', { json: true }));
  t.match(
    queues.find(({ queue }: { queue: string }) => queue === 'mail'),
    { ready: 2 },
  );
  t.same(workers, []);
  const listed = JSON.parse(await run('list', { json: true, text: 'two-factor-on' }));
  t.match(listed, [{ queue: 'mail', state: 'ready', data: { template: 'two-factor-on' } }]);
  t.equal(listed.length, 1);
  t.match(await run('show', { subject: listed[0].id }), /^queue +mail$.*^payload: .*two-factor-on/ms);
  t.equal(await run('list', { state: 'failed' }), 'No matching jobs.');
});

t.test('a job is shown with its flow and its batch', async (t) => {
  const { app, run } = await prepare(t);
  const { db, queue } = app;
  const first = step(erasureQueue, { userId: 1 });
  const then = step(mailQueue, { template: 'two-factor-on', userId: 1 }, { after: [first] });
  const [id = ''] = await queue.flow([then], { db });
  const text = await run('show', { subject: id });
  t.match(text, /^ {2}erasure \S{36} ready\n {4}mail \S{36} blocked$/m);
  t.match(JSON.parse(await run('show', { subject: id, json: true })), { flow: [{ next: [{ id }] }] });

  await db.transaction().execute(async (trx) => {
    const batch = await queue.startBatch(digestSummaryQueue, { week: '2026-11-23' }, { db: trx });
    await queue.sendAll(erasureQueue, [{ userId: 2 }], { db: trx, batch });
  });
  const [member] = JSON.parse(await run('list', { subject: 'erasure', json: true }));
  const ends = '0 done, 0 failed, 0 cancelled or deleted, 1 unfinished';
  t.match(await run('show', { subject: member.id }), `batch of 1 jobs so far: ${ends}; then digest-summary `);
});

t.test('an action counts, asks, acts and is recorded', async (t) => {
  const { app, run, questions } = await prepare(t);
  t.equal(await run('cancel', { subject: 'mail', text: 'template:password-changed' }), '1 job cancelled.');
  t.equal(await run('restore', { subject: 'mail' }), '1 job restored.');
  t.equal(await run('pause', { subject: 'mail' }), 'Queue mail paused.');
  t.match(await run('stats'), /^mail +2 .* paused$/m);
  t.equal(await run('resume', { subject: 'mail' }), 'Queue mail resumed.');
  t.equal(await run('delete', { subject: 'mail' }), '2 jobs deleted.');
  t.same(questions, ['cancel: 1 job. Continue?', 'restore: 1 job. Continue?', 'delete: 2 jobs. Continue?']);
  const actions = await listActions(app.db, 10);
  t.match(actions.at(-1), {
    username: 'npm run jobs',
    action: '1 job cancelled.',
    subject: 'queue=mail&text=template:password-changed',
  });
  t.equal(actions.length, 5);
});

t.test('schedules are listed, paused, resumed and run', async (t) => {
  const { app, run } = await prepare(t);
  t.match(
    await run('schedules'),
    /^digest\/weekly +At 07:00, only on Monday \(UTC\) +\d{4}-.*T07:00:00.000Z/m,
  );
  t.equal(await run('pause-schedule', { subject: 'digest/weekly' }), 'Schedule digest/weekly paused.');
  t.match(await run('schedules'), /^digest\/weekly .* paused$/m);
  t.equal(await run('resume-schedule', { subject: 'digest/weekly' }), 'Schedule digest/weekly resumed.');
  t.equal(await run('run-schedule', { subject: 'digest/weekly' }), 'Schedule digest/weekly: 1 job started.');
  const listed = JSON.parse(await run('schedules', { json: true }));
  t.match(listed[1], {
    queue: 'digest',
    name: 'weekly',
    rule: '0 7 * * 1',
    timeZone: 'UTC',
    lastState: 'ready',
  });
  t.match(await listActions(app.db, 1), [
    { username: 'npm run jobs', subject: 'queue=digest&schedule=weekly' },
  ]);
});

t.test('tail prints attempts as they start and end', async (t) => {
  const { app, run, lines, stopping } = await prepare(t);
  const following = run('tail', { subject: 'mail' });
  await waitFor(() => lines.includes('Following mail until Ctrl-C.'), 'the first line');
  await drain(app);
  await waitFor(
    () => lines.filter((line) => /: failed: .*ECONNREFUSED/.test(line)).length === 2,
    'two failures',
  );
  t.equal(
    lines.filter((line) => /^[\d:]{8} mail [\da-f-]{36} attempt 1 on .*: started$/.test(line)).length,
    2,
  );
  stopping.abort();
  await following;
});

t.test('a mistake is reported with what is accepted', async (t) => {
  const { run } = await prepare(t);
  for (const [name, options, message] of [
    ['list', { subject: 'post' }, /^QUEUE: "post" is not a queue; choose from .*mail, /],
    ['list', { state: 'done' }, /^--state: "done" is not accepted; choose from ready, /],
    ['list', { limit: '0' }, '--limit: "0" is not accepted; give a number from 1 to 1000'],
    ['show', { subject: '12' }, '"12" is not the id of a job'],
    ['show', { subject: '00000000-0000-4000-8000-000000000000' }, /does not exist/],
    ['cancel', {}, 'cancel: say which jobs, by QUEUE, --state, --text or --id'],
    ['retry', { subject: 'mail' }, 'There are no jobs to retry.'],
    ['pause', {}, /^QUEUE: "" is not a queue/],
    [
      'run-schedule',
      { subject: 'digest' },
      /^NAME: "digest" is not a schedule; choose from .*digest\/weekly, /,
    ],
  ] as const) {
    await t.rejects(run(name, options), { message });
  }
  const running = start(t, ['scripts/jobs.ts', 'stop'], {});
  t.equal(await running.exited(), 2);
  t.match(running.output, /^Usage: npm run jobs -- COMMAND/);
});
