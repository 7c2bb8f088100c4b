import t from 'tap';
import { listSchedules, pauseSchedule } from '../../../../src/queue/schedules.ts';
import { digestQueue } from '../../../../src/queues.ts';
import { build } from '../../../support/build.ts';
import { messagesOf } from '../../../support/client.ts';
import { createUser, signedInClient } from '../../../support/factories.ts';
import { assertEnqueued, drain } from '../../../support/jobs.ts';

const app = await build(t);
const operator = await signedInClient(app, await createUser(app, { username: 'olga', role: 'Operator' }));
const viewer = await signedInClient(app, await createUser(app, { username: 'vera', role: 'Viewer' }));
const weekly = { queue: 'digest', schedule: 'weekly' };

const page = async (client = operator) => (await client.get('/admin/jobs/schedules')).body;
const act = async (action: string, fields = weekly) =>
  messagesOf(await operator.follow(await operator.post('/admin/jobs/do', { action, ...fields })));

t.test('a schedule is shown in words and as written, with its next times', async (t) => {
  const body = await page();
  t.match(body, /digest\/weekly<\/a><\/th>\s*<td[^>]*>At 07:00, only on Monday<br><code>0 7 \* \* 1<\/code>/);
  const row = body.slice(body.indexOf('digest/weekly'), body.indexOf('prune/hourly'));
  t.equal(row.match(/>Mon, \d+ \w+ \d{4},? (?:at )?07:00 (?:CET|CEST|UTC)</g)?.length, 3);
  t.match(row, /data-label="Last">never/);
});

t.test('an Operator pauses, resumes and runs a schedule, and a Viewer does not', async (t) => {
  const question = await operator.get('/admin/jobs/ask?action=run-schedule&queue=digest&schedule=weekly');
  t.match(question.body, 'Run now: schedule digest/weekly?');
  t.same(await act('pause-schedule'), ['Schedule digest/weekly paused.']);
  t.match(await page(), /digest\/weekly<\/a> <span class="badge">paused/);
  t.same(await act('resume-schedule'), ['Schedule digest/weekly resumed.']);
  t.notMatch(await page(), 'badge');
  t.same(await act('run-schedule'), ['Schedule digest/weekly: 1 job started.']);
  t.same(await act('run-schedule'), ['A job of digest is already waiting, so digest/weekly added none.']);
  await assertEnqueued(t, app, digestQueue, [{}]);
  t.match(
    (await operator.get('/admin/jobs/audit')).body,
    /olga[\s\S]*Schedule digest\/weekly: 1 job started\./,
  );
  await drain(app);
  t.match(
    await page(),
    /<a href="\/admin\/jobs\/job\/digest\/[0-9a-f-]{36}"><time[^>]+>[^<]+<\/time><\/a>, <span>completed/,
  );

  t.notMatch(await page(viewer), 'Run now');
  for (const action of ['pause-schedule', 'resume-schedule', 'run-schedule']) {
    t.equal((await viewer.post('/admin/jobs/do', { action, ...weekly })).statusCode, 403, action);
    for (const fields of [
      {},
      { queue: 'digest' },
      { queue: 'mail', schedule: 'weekly' },
      { queue: 'digest', schedule: 'X' },
    ])
      t.equal((await operator.post('/admin/jobs/do', { action, ...fields })).statusCode, 404);
  }
});

t.test('a schedule whose rule has ended says so', async (t) => {
  await app.db
    .updateTable('job_schedules')
    .set({ rule: 'FREQ=DAILY;UNTIL=20200101T000000', next_at: null })
    .where('name', '=', 'hourly')
    .execute();
  t.match(await page(), 'never again');
  await pauseSchedule(app.db, { queue: 'prune', name: 'hourly' });
  t.match(await listSchedules(app.db), [{}, {}, { pausedAt: Date }]);
});
