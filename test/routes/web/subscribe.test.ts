import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { prune } from '../../../src/domain/prune.ts';
import { changeSettings } from '../../../src/domain/site/settings.ts';
import { loadConfirmation } from '../../../src/domain/subscriptions/load-mail.ts';
import { listSubscriptions } from '../../../src/domain/subscriptions/subscribe.ts';
import { postMailQueue } from '../../../src/queues.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, mailedToken, signedInClient } from '../../support/factories.ts';
import { drain, jobsOf } from '../../support/jobs.ts';
import { linkIn } from '../../support/smtp.ts';
import { addSubscribers, setUpSubscriptions, shareSubscriptions } from '../../support/subscriptions.ts';
import { writePosts } from '../../support/writing.ts';

const setUp = await shareSubscriptions(t);

const PAGE = '/user/susan/subscribe';
const ASKED =
  'We’ve sent a confirmation link to reader@example.com, unless it is subscribed already. If it doesn’t arrive, try again tomorrow.';

const subscriptionsIn = ({ db }: FastifyInstance) =>
  db.selectFrom('subscriptions').select(['email', 'confirmed_at as confirmedAt']).execute();

t.test('the feeds of the site, people and tags have a page that explains them', async (t) => {
  const { app, author } = await setUp();
  await writePosts(app, author);
  await app.db
    .updateTable('posts')
    .set({ title: 'On #bread', tags: ['bread'] })
    .execute();
  const visitor = new Client(app);
  for (const [page, path, feed, isPerson] of [
    ['/', '/subscribe', '/feed', false],
    ['/user/susan', PAGE, '/user/susan/feed', true],
    ['/tag/bread', '/tag/bread/subscribe', '/tag/bread', false],
  ] as const) {
    t.match((await visitor.get(page)).body, new RegExp(`href="${path}">Subscribe</a>`), page);
    const { body } = await visitor.get(path);
    for (const format of ['atom', 'json']) {
      t.match(body, `>${app.config.baseUrl}${feed}.${format}</a>`);
      t.equal((await visitor.get(`${feed}.${format}`)).statusCode, 200);
    }
    t.match(body, /<a href="\/post\/1\/on-bread"[^>]*>On #bread<\/a>/, `${path}: the newest titles`);
    t.equal(body.includes('type="email"'), isPerson, `${path}: only people are subscribed to by email`);
  }
  t.equal((await visitor.get('/tag/Bread/subscribe')).headers.location, '/tag/bread/subscribe');
  t.equal((await visitor.get('/user/SUSAN/subscribe')).statusCode, 200);
  await createUser(app, { username: 'unconfirmed', isConfirmed: false });
  for (const path of [
    '/user/unconfirmed/subscribe',
    '/user/nobody/subscribe',
    '/tag/--/subscribe',
    '/subscribe/x',
  ])
    t.equal((await visitor.get(path)).statusCode, 404, path);
});

t.test('a visitor subscribes with a link in a mail, and unsubscribes with one click', async (t) => {
  const { app, smtp, author, deliver } = await setUp();
  const visitor = new Client(app);
  const asked = await visitor.post(PAGE, { email: 'Reader@Example.com', homepage: '' });
  t.match(messagesOf(await visitor.follow(asked)), [
    /^We’ve sent a confirmation link to Reader@Example\.com/,
  ]);
  await writePosts(app, author);
  t.same(await jobsOf(app, postMailQueue), [], 'an unconfirmed address gets no posts');
  await drain(app);
  t.equal(smtp.mails.length, 1);
  t.match(smtp.mails[0], {
    to: { text: 'reader@example.com' },
    subject: '[Pennypost] Confirm your subscription',
  });

  const link = linkIn(smtp.mails[0]);
  const { rows } = await sql<{ row: string }>`select mailed_tokens::text as row from mailed_tokens`.execute(
    app.db,
  );
  t.notOk(rows[0]?.row.includes(link.split('/').at(-1) ?? ''), 'only its hash is stored');
  t.match((await visitor.get(link)).body, /new posts by <a href="\/user\/susan">susan<\/a>/);
  t.match(await subscriptionsIn(app), [{ confirmedAt: null }], 'opening the link changes nothing');
  const { id: subscriptionId } = await app.db
    .insertInto('subscriptions')
    .values({ author_id: author.id, email: 'other@example.com', asked_at: new Date() })
    .returning('id')
    .executeTakeFirstOrThrow();
  await mailedToken(app, { template: 'confirm-subscription', subscriptionId });
  const confirmed = await visitor.follow(await visitor.post(link));
  const tokens = await app.db
    .selectFrom('mailed_tokens')
    .select('subscription_id as subscriptionId')
    .execute();
  t.same(tokens, [{ subscriptionId }], 'another’s still works');
  t.equal((await visitor.get(link)).statusCode, 404, 'this one shows nobody’s');
  const other = app.db.deleteFrom('subscriptions').where('id', '=', subscriptionId);
  t.same(await other.returning('confirmed_at').execute(), [{ confirmed_at: null }]);
  t.same(messagesOf(confirmed), ['You’ll get new posts by susan at reader@example.com.']);
  t.equal((await visitor.post(link)).statusCode, 404, 'it works once');

  const publisher = await signedInClient(app, author);
  await publisher.post('/', { title: 'On tea', body: 'Some *tea* < more tea', tags: '' });
  await drain(app);
  t.equal(smtp.mails.length, 1, 'the author has some minutes to change their mind');
  await deliver();
  await publisher.post('/edit/2', { title: 'On tea', body: 'Much more tea', tags: '', version: '1' });
  await deliver();
  t.equal(smtp.mails.length, 2, 'an edit is not mailed');
  const mail = smtp.mails[1];
  t.match(mail, { to: { text: 'reader@example.com' }, subject: '[Pennypost] On tea by susan' });
  t.match(mail?.text, /^susan wrote:\n\n> On tea\n>\n> Some tea < more tea\n\nhttp\S+\/post\/2\/on-tea\n/);
  const list = mail?.headers.get('list');
  t.match(list, {
    unsubscribe: { url: /\/unsubscribe\/posts\.[\w-]{36}$/ },
    'unsubscribe-post': { name: 'List-Unsubscribe=One-Click' },
  });

  const path = new URL(/http\S+\/unsubscribe\/\S+/.exec(mail?.text ?? '')?.[0] ?? '').pathname;
  t.match((await visitor.get(path)).body, 'Unsubscribe from these posts by email');
  t.equal((await subscriptionsIn(app)).length, 1, 'opening the page changes nothing');
  // As a mail program sends it (RFC 8058): without cookie, Origin or Sec-Fetch-Site.
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const click = { method: 'POST', url: path, headers, payload: 'List-Unsubscribe=One-Click' } as const;
  await addSubscribers(app, author.id);
  for (const when of ['at first', 'again']) t.equal((await app.inject(click)).statusCode, 200, when);
  t.match(await subscriptionsIn(app), [{ email: 'reader1@example.com' }]);
  t.equal((await subscriptionsIn(app)).length, 1, 'nothing is kept, and no other subscription ends');
  await app.db.deleteFrom('subscriptions').execute();
  await publisher.post('/', { body: 'More tea' });
  await deliver();
  t.equal(smtp.mails.length, 2);
});

t.test('no address can be flooded, and the answer is always the same', async (t) => {
  const { app, smtp, author } = await setUp();
  const [visitor, email] = [new Client(app), 'reader@example.com'];
  const ask = async (username: string, fields = {}) =>
    messagesOf(
      await visitor.follow(
        await visitor.post(`/user/${username}/subscribe`, { email, homepage: '', ...fields }),
      ),
    );
  const sent = async () => {
    await drain(app);
    return smtp.mails.length;
  };
  t.same(await ask('susan', { homepage: 'https://spam.example' }), [ASKED]);
  t.equal(await sent(), 0, 'a bot fell into the trap');
  await Promise.all([ask('susan'), ask('SUSAN'), ask('susan', { email: 'READER@example.com' })]);
  t.equal(await sent(), 1, 'one a day for one author');
  for (const username of ['ann', 'ben', 'cid', 'dan']) await createUser(app, { username });
  await Promise.all(['ann', 'ben', 'cid', 'dan'].map((username) => ask(username)));
  t.equal(await sent(), 3, 'three a day for all');
  const authors = smtp.mails.map(({ text }) => /new posts by (\w+)/.exec(text ?? '')?.[1]);
  t.equal(new Set(authors).size, 3, String(authors));
  t.same(await ask('dan'), [ASKED]);

  await sql`update subscriptions set asked_at = asked_at - interval '25 hours'`.execute(app.db);
  t.same(await ask('susan'), [ASKED]);
  t.equal(await sent(), 4, 'the next day');
  await sql`update subscriptions set confirmed_at = now(), asked_at = asked_at - interval '25 hours'`.execute(
    app.db,
  );
  t.same(await ask('susan'), [ASKED]);
  t.equal(await sent(), 4, 'who subscribes needs no link');

  await sql`update users set suspended_until = now() + interval '1 day' where id = ${author.id}`.execute(
    app.db,
  );
  t.equal((await visitor.post(PAGE, { email: 'other@example.com', homepage: '' })).statusCode, 404);
  t.notMatch((await visitor.get(PAGE)).body, 'type="email"', 'nobody subscribes to the suspended');
  const wrong = await visitor.post('/user/ann/subscribe', { email: 'x', homepage: '' });
  t.same(errorsOf(wrong), { email: 'Invalid email address.' });
});

t.test('requests are limited by IP address, links expire, and the site can turn it off', async (t) => {
  const { app, smtp } = await setUpSubscriptions(t, { env: { ACCOUNT_LIMITS: 'subscribe=1/hour' } });
  const visitor = new Client(app);
  const codes = [];
  for (let number = 0; number < 11; number += 1)
    codes.push((await visitor.post(PAGE, { email: `r${number}@example.com`, homepage: '' })).statusCode);
  t.same([codes.at(-2), codes.at(-1)], [303, 429]);
  await drain(app);
  t.equal(smtp.mails.length, 10);

  await changeSettings(app, { email_subscriptions: 'off' });
  const [{ id } = { id: 0 }] = await app.db.selectFrom('subscriptions').select('id').execute();
  t.equal(await loadConfirmation(app.db, id), undefined, 'not even a link is mailed');
  await app.site.refresh();
  t.notMatch((await visitor.get(PAGE)).body, 'type="email"');
  t.equal((await visitor.post(PAGE, { email: 'reader@example.com', homepage: '' })).statusCode, 404);

  await sql`update mailed_tokens set expires_at = now()`.execute(app.db);
  await sql`update subscriptions set asked_at = asked_at - interval '7 days'`.execute(app.db);
  const link = linkIn(smtp.mails[0]);
  t.equal((await visitor.get(link)).statusCode, 404);
  t.equal((await visitor.post(link)).statusCode, 404);
  t.match(await prune(app.db, { signal: new AbortController().signal }), { subscriptions: 10 });
});

t.test('a confirmed account subscribes without a link, and the author only sees a number', async (t) => {
  const { app, smtp, author, deliver } = await setUp();
  const john = await createUser(app);
  const [reader, writer] = [await signedInClient(app, john), await signedInClient(app, author)];
  await addSubscribers(app, author.id);
  const page = (await reader.get(PAGE)).body;
  t.match(page, 'value="john@example.com"');
  t.notMatch(page, '/unsubscribe/', 'another’s subscription is not theirs');
  t.match((await writer.get(PAGE)).body, '1 person gets your posts by email.');
  await app.db.deleteFrom('subscriptions').execute();
  await addSubscribers(app, (await createUser(app, { username: 'mary' })).id, 2);
  const asked = { author_id: author.id, email: 'john@example.com', asked_at: new Date() };
  await app.db.insertInto('subscriptions').values(asked).execute();
  t.match((await writer.get(PAGE)).body, 'Nobody gets your posts by email yet.');
  t.notMatch((await reader.get(PAGE)).body, '/unsubscribe/', 'nor is an unconfirmed one');
  t.same(await listSubscriptions(app.db, john.id), [], 'which an export does not list either');
  await app.db.deleteFrom('subscriptions').where('confirmed_at', 'is not', null).execute();
  const done = await reader.follow(await reader.post(PAGE, { email: 'JOHN@example.com', homepage: '' }));
  t.same(messagesOf(done), ['You’ll get new posts by susan at john@example.com.']);
  t.match(await subscriptionsIn(app), [{ email: 'john@example.com', confirmedAt: Date }]);
  const seen = (await writer.get(PAGE)).body;
  t.match(seen, '1 person gets your posts by email.');
  t.notMatch(seen, 'john@example.com');
  t.notMatch((await new Client(app).get(PAGE)).body, 'gets your posts');
  await writePosts(app, author);
  await deliver();
  t.match(smtp.mails, [{ to: { text: 'john@example.com' }, subject: '[Pennypost] New post by susan' }]);

  await reader.post(PAGE, { email: 'else@example.com', homepage: '' });
  t.match(await subscriptionsIn(app), [{}, { email: 'else@example.com', confirmedAt: null }], 'not theirs');
  const [, unsubscribe = ''] = /action="(\/unsubscribe\/[^"]+)"/.exec(done.body) ?? [];
  t.match((await reader.post(unsubscribe)).body, 'You will no longer receive these posts by email.');
  t.equal((await subscriptionsIn(app)).length, 1);

  await new Client(app).post(PAGE, { email: 'john@example.com', homepage: '' });
  await drain(app);
  const last = smtp.mails.findLast(({ to }) => [to].flat()[0]?.text === 'john@example.com');
  t.equal(last?.subject, '[Pennypost] Confirm your subscription', 'when a visitor asks, a link is needed');
});
