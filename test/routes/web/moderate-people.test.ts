import { sql } from 'kysely';
import t from 'tap';
import { findModerated } from '../../../src/domain/moderation/person.ts';
import { liftSanctions } from '../../../src/domain/moderation/sanction.ts';
import { startSession } from '../../../src/domain/sessions/start.ts';
import { basic, issueTestToken } from '../../support/api.ts';
import { buildSharedWithMail } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, PASSWORD, signedInClient } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildSharedWithMail(t);

async function setUp() {
  const { app, smtp } = await emptied();
  const john = await createUser(app);
  const moderator = await createUser(app, { username: 'mod', role: 'Moderator' });
  const client = await signedInClient(app, moderator);
  const url = `/moderate/people/${john.id}`;
  const decide = async (kind: string, reason = 'Too loud.\nMuch too loud.') =>
    client.follow(await client.post(url, { kind, period: '7', reason }));
  const mails = async () => {
    await drain(app);
    return smtp.mails.filter(({ subject }) => subject === '[Pennypost] A decision about your account');
  };
  const inAWeek = new Date(Date.now() + 7 * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
  return { app, john, moderator, client, url, decide, mails, inAWeek };
}

t.test('a suspended person is logged out everywhere at once, and told why', async (t) => {
  const { app, john, moderator, client, url, decide, mails, inAWeek } = await setUp();
  const tabs = [await signedInClient(app, john), await signedInClient(app, john)];
  const token = await issueTestToken(app, john, { name: 'a program', scope: 'write' });
  const askApi = async (authorization: string) =>
    (await app.inject({ url: '/api/v1/posts/', headers: { authorization } })).statusCode;
  const logIn = () => new Client(app).post('/auth/login', { email: john.email, password: PASSWORD });
  t.equal(await askApi(`Bearer ${token}`), 200);
  t.match((await client.get('/user/john')).body, `href="${url}"`);

  const page = await decide('suspended');
  t.same(messagesOf(page), ['Done. We’re emailing them the reason.']);
  t.match(page.body, `Suspended until ${inAWeek}`);
  t.match(page.body, 'Too loud.');
  for (const tab of tabs) t.match((await tab.get('/')).body, 'Hello, Stranger!');
  t.same([await askApi(`Bearer ${token}`), await askApi(basic(john.email, PASSWORD))], [401, 401]);
  t.same(errorsOf(await logIn()), {
    password: `This account is suspended until ${inAWeek}. We have emailed the reason.`,
  });
  await signedInClient(app, moderator); // Nobody else is suspended.
  t.match(errorsOf(await new Client(app).post('/auth/login', { email: john.email, password: 'a guess' })), {
    password: 'Invalid email or password.',
  });
  await t.rejects(startSession(app.db, { userId: john.id, isRemembered: false }), { code: 'unauthorized' });
  const [mail] = await mails();
  t.match(mail?.text, `A moderator has suspended your account until ${inAWeek}.`);
  t.match(mail?.text, '> Too loud.\n> Much too loud.');

  await client.post(`${url}/lift`, { reason: 'A mistake' });
  t.equal((await logIn()).statusCode, 303);
  t.match((await mails())[1]?.text, /you can log in and write again[\s\S]*> A mistake/);
  await decide('suspended');
  await sql`update users set suspended_until = now() where id = ${john.id}`.execute(app.db);
  t.equal((await logIn()).statusCode, 303, 'it ends by itself');

  const mod = { id: moderator.id, role: 'Moderator' } as const;
  const { id: otherId } = await createUser(app, { username: 'other' });
  await sql`update users set suspended_until = now() + interval '1 day' where id = ${otherId}`.execute(
    app.db,
  );
  for (const [lifts, other] of [
    ['silenced', 'suspended'],
    ['suspended', 'silenced'],
  ] as const) {
    for (const kind of [lifts, other]) await decide(kind);
    await liftSanctions(app, mod, john.id, { lifts });
    const { silencedUntil, suspendedUntil } = await findModerated(app.db, john.id);
    t.same([silencedUntil === null, suspendedUntil === null], [lifts === 'silenced', lifts === 'suspended']);
    await t.rejects(liftSanctions(app, mod, john.id, { lifts }), { code: 'not-in-force' });
  }
  t.ok((await findModerated(app.db, otherId)).suspendedUntil, 'nobody else may log in again');
  const forever = await client.post(url, { kind: 'suspended', period: 'forever', reason: 'Again' });
  t.match((await client.follow(forever)).body, 'Suspended permanently');
});

t.test('a silenced person can read, but not write', async (t) => {
  const { app, john, client, url, decide, inAWeek } = await setUp();
  const [postId = 0] = await writePosts(app, john);
  const reader = await signedInClient(app, john);
  const token = await issueTestToken(app, john, { name: 'a program', scope: 'write' });
  await decide('silenced');
  const home = await reader.get('/');
  t.match(home.body, 'A moderator has stopped you from writing.');
  t.notMatch(home.body, '<textarea');
  const changes = [
    '/',
    `/post/${postId}`,
    `/edit/${postId}`,
    `/post/${postId}/delete`,
    `/post/${postId}/pin`,
    '/follow/mod',
    '/tag/bread/follow',
    '/edit-profile',
  ];
  for (const path of changes) {
    const refused = await reader.post(path, { body: 'Hello', name: 'Loud' });
    t.equal(refused.statusCode, 403, path);
  }
  t.match((await reader.post('/', { body: 'Hello' })).body, `stopped you from writing until ${inAWeek}`);
  const api = await app.inject({
    method: 'POST',
    url: '/api/v1/posts/',
    headers: { authorization: `Bearer ${token}` },
    payload: { body: 'Hello' },
  });
  t.equal(api.statusCode, 403);
  await client.post(`${url}/lift`);
  t.equal((await reader.post('/', { body: 'Hello' })).statusCode, 303);
});

t.test('a warning only sends a message, and every decision needs a reason', async (t) => {
  const { app, john, client, url, decide, mails } = await setUp();
  t.same(errorsOf(await client.post(url, { kind: 'warned', period: '7', reason: ' ' })), {
    reason: 'This field is required.',
  });
  t.equal((await client.post(url, { kind: 'hanged', period: '7', reason: 'x' })).statusCode, 422);
  t.match((await decide('warned')).body, 'Warned: Too loud.');
  const [mail] = await mails();
  t.match(mail?.text, 'A moderator has warned you.');
  t.match(mail?.html, '<blockquote>Too loud.');
  const reader = await signedInClient(app, john);
  t.equal((await reader.post('/', { body: 'Hello' })).statusCode, 303);
  t.match((await reader.get('/auth/activity')).body, /Warned: Too loud\.[\s\S]*site staff/);
  for (const [path, length, status] of [
    [url, 500, 303],
    [url, 501, 422],
    [`${url}/hide-texts`, 501, 422],
  ] as const) {
    const fields = { kind: 'warned', period: '7', reason: '"'.repeat(length) };
    t.equal((await client.post(path, fields)).statusCode, status, `${length} characters`);
  }
});

t.test(
  'moderators act on users, Administrators on moderators too, and nobody on Administrators',
  async (t) => {
    const { app, john, moderator } = await setUp();
    const other = await createUser(app, { username: 'other', role: 'Moderator' });
    const administrator = await createUser(app, { username: 'boss', role: 'Administrator' });
    const second = await createUser(app, { username: 'second', role: 'Administrator' });
    const outcomes = async (actor: typeof john) => {
      const client = await signedInClient(app, actor);
      const statuses: number[] = [];
      for (const { id } of [john, other, administrator]) {
        const fields = { kind: 'warned', period: '1', reason: 'x' };
        statuses.push((await client.post(`/moderate/people/${id}`, fields)).statusCode);
        if (statuses.at(-1) === 403) {
          t.notMatch((await client.get(`/moderate/people/${id}`)).body, 'Apply</button>');
          for (const what of ['lift', 'hide-texts', 'show-texts'])
            t.equal((await client.post(`/moderate/people/${id}/${what}`)).statusCode, 403);
        }
      }
      return statuses;
    };
    t.same(await outcomes(moderator), [303, 403, 403]);
    t.same(await outcomes(administrator), [303, 303, 403], 'not on oneself');
    t.same(await outcomes(second), [303, 303, 403], 'not on another Administrator');
    t.equal((await (await signedInClient(app, second)).get('/moderate/people/999')).statusCode, 404);
  },
);

t.test('everything that a person wrote is hidden at once, and shown again', async (t) => {
  const { app, john, moderator, client, url } = await setUp();
  const [postId = 0] = await writePosts(app, moderator);
  await sql`
    insert into posts (author_id, body, body_html) select ${john.id}, 'Post', 'Post' from generate_series(1, 1200)
  `.execute(app.db);
  await writeComments(app, john, postId, 3);
  const shown = async () => {
    const { rows } = await sql`
      select post_count as posts, (select count(*)::int from posts where author_id = users.id and not is_disabled) as listed,
        (select count(*)::int from comments where author_id = users.id and not is_disabled) as comments
      from users where id = ${john.id}
    `.execute(app.db);
    return rows[0];
  };
  await client.post(`${url}/hide-texts`);
  await drain(app);
  t.same(await shown(), { posts: 0, listed: 0, comments: 0 });
  t.match((await new Client(app).get(`/post/${postId}`)).body, 'Hidden by a moderator');
  await client.post(`${url}/show-texts`);
  await drain(app);
  t.same(await shown(), { posts: 1200, listed: 1200, comments: 3 });
});
