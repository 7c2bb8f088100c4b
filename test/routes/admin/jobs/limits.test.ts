import { sql } from 'kysely';
import t from 'tap';
import {
  listActions,
  listLimits,
  listOpenBreakers,
  MAX_LIMITS,
  openBreaker,
} from '../../../../src/queue/index.ts';
import { build } from '../../../support/build.ts';
import { messagesOf } from '../../../support/client.ts';
import { createUser, signedInClient } from '../../../support/factories.ts';

const app = await build(t);
const client = await signedInClient(app, await createUser(app, { username: 'boss', role: 'Administrator' }));

t.test('an Administrator sets, changes and removes limits, and the audit log says so', async (t) => {
  const post = async (path: string, fields: Record<string, string>) =>
    messagesOf(await client.follow(await client.post(`/admin/jobs/limits${path}`, fields)));
  t.match((await client.get('/admin/jobs/limits')).body, 'No limits yet.');
  t.same(await post('', { queue: 'mail', key: '', rate: '200/hour' }), [
    'Limit of all jobs in mail set to 200/hour.',
  ]);
  await post('', { queue: 'mail', key: ' Example.COM ', rate: '10 / Minute' });
  await post('', { queue: 'mail', key: '*', rate: '60/minute' });
  await post('', { queue: 'mail', key: '', rate: '300/hour' });
  t.same(await listLimits(app.db), [
    { queue: 'mail', key: '', rate: '300/hour' },
    { queue: 'mail', key: '*', rate: '60/minute' },
    { queue: 'mail', key: 'example.com', rate: '10/minute' },
  ]);
  const { body } = await client.get('/admin/jobs/limits');
  t.match(body, /all jobs<\/td><td>300\/hour/);
  t.match(body, /each recipient domain<\/td><td>60\/minute/);
  t.match(body, /example\.com<\/td><td>10\/minute/);

  t.same(await post('/remove', { queue: 'mail', key: 'example.com' }), [
    'Limit of jobs in mail for example.com removed.',
  ]);
  t.equal((await listLimits(app.db)).length, 2);
  t.match(
    (await listActions(app.db, 10)).map(({ username, action, subject }) => [username, action, subject]),
    [
      ['boss', 'Limit of jobs in mail for example.com removed.', 'queue=mail'],
      ['boss', 'Limit of all jobs in mail set to 300/hour.', 'queue=mail'],
      ['boss', 'Limit of jobs in mail for each recipient domain set to 60/minute.', 'queue=mail'],
      ['boss', 'Limit of jobs in mail for example.com set to 10/minute.', 'queue=mail'],
      ['boss', 'Limit of all jobs in mail set to 200/hour.', 'queue=mail'],
    ],
  );
});

t.test('an invalid limit is refused with a message that says what is accepted', async (t) => {
  const refuse = async (fields: Record<string, string>) => {
    const { statusCode, body } = await client.post('/admin/jobs/limits', fields);
    t.equal(statusCode, 422);
    return body;
  };
  const accepted = 'Enter a number from 1 to 1000000 per second, minute, hour or day, such as 200/hour.';
  for (const rate of ['', 'many', '0/hour', '200/week', '2000000/day']) {
    t.match(await refuse({ queue: 'mail', key: '', rate }), /id="rate-error">/, rate);
  }
  t.match(await refuse({ queue: 'mail', key: '', rate: 'many' }), accepted);
  t.match(
    await refuse({ queue: 'exports', key: 'example.com', rate: '1/hour' }),
    'Jobs in exports can only be limited together. Leave this empty.',
  );
  t.equal(
    (await client.post('/admin/jobs/limits', { queue: 'nothing', key: '', rate: '1/hour' })).statusCode,
    404,
  );

  await sql`
    insert into job_limits select 'notify', n::text, '1/day' from generate_series(1, ${MAX_LIMITS}::int) n
  `.execute(app.db);
  t.match(
    await refuse({ queue: 'exports', key: '', rate: '1/hour' }),
    `There are ${MAX_LIMITS} limits already. Remove one first.`,
  );
  await sql`delete from job_limits where queue = 'notify'`.execute(app.db);
});

t.test('the dashboard says which queue waits for a service and why, and it can try again', async (t) => {
  const reason = '452 4.3.1 <b>daily quota</b> exceeded';
  const jobId = '6f1c3e0a-8a0e-4a53-9a51-0a4c0d1d5d11';
  await openBreaker(app.db, 'mail', { jobId, reason, seconds: 3600 });
  for (const path of ['/admin/jobs', '/admin/jobs/limits']) {
    const { body } = await client.get(path);
    t.match(body, '452 4.3.1 &lt;b&gt;daily quota&lt;/b&gt; exceeded', path);
  }
  await client.post('/admin/jobs/limits/try', { queue: 'mail' });
  t.ok((await listOpenBreakers(app.db)).every(({ probeAt }) => probeAt.getTime() <= Date.now()));
  t.match(await listActions(app.db, 1), [{ username: 'boss', action: 'Queue mail tries again.' }]);
});
