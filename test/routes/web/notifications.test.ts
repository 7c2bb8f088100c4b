import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { block } from '../../../src/domain/blocks/block.ts';
import { notify } from '../../../src/domain/notifications/notify.ts';
import { ApiProgram } from '../../support/api.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { notificationsOf } from '../../support/notifications.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const emptied = await buildShared(t);

async function setUp(own?: Promise<FastifyInstance>) {
  const app = await (own ?? emptied());
  const john = await createUser(app, { username: 'john' });
  const susan = await createUser(app, { username: 'susan' });
  const [postId = 0] = await writePosts(app, john);
  /** Susan comments on john's post. */
  const comment = async () => {
    const commentId = (await writeComments(app, susan, postId)).at(-1) ?? 0;
    await notify(app, { about: 'comment', commentId });
    return commentId;
  };
  return { app, john, susan, postId, comment, client: await signedInClient(app, john) };
}

const bellOf = ({ body }: { body: string }) => /class="bell"[^>]* aria-label="([^"]*)"/.exec(body)?.[1];

t.test(
  'the bell counts unread ones, a visit marks one as read, and the button those that were shown',
  async (t) => {
    const { app, john, susan, comment, client } = await setUp();
    t.equal(bellOf(await client.get('/')), 'Notifications');
    t.match((await client.get('/notifications')).body, 'No notifications yet.');
    const commentId = await comment();
    t.equal(bellOf(await client.get('/')), '1 unread notification');
    await comment();
    const page = await client.get('/notifications');
    t.equal(bellOf(page), '2 unread notifications');
    t.match(page.body, /class="unread"[\s\S]*susan commented on your post[\s\S]*Comment 1/);

    const [first, second] = await notificationsOf(app, john);
    const visit = (headers = {}) => client.get(`/notifications/${first?.id}`, { headers });
    await visit({ 'sec-purpose': 'prefetch;prerender' });
    t.equal(bellOf(await client.get('/')), '2 unread notifications', 'browsers may fetch it in advance');
    const there = await visit();
    t.match(there, { statusCode: 303, headers: { location: `/comment/${commentId}` } });
    t.match(await notificationsOf(app, john), [{ readAt: Date }, { readAt: null }]);

    await comment();
    await client.post('/notifications/read', { last: String(second?.id) });
    t.equal(bellOf(await client.get('/')), '1 unread notification', 'the one that came later stays unread');
    t.equal((await client.post('/notifications/read', { last: 'x' })).statusCode, 303);
    await sql`
      insert into notifications (recipient_id, kind, cause, actor_id) values (${susan.id}, 'follow', 'x', ${john.id})
    `.execute(app.db);
    await client.post('/notifications/read', { last: '2147483647' });
    t.match(await notificationsOf(app, susan), [{ readAt: null }], 'another’s stay unread');
    t.equal((await client.get('/notifications/2147483647')).statusCode, 404);
    const other = await signedInClient(app, susan);
    t.equal((await other.get(`/notifications/${first?.id}`)).statusCode, 404, 'nobody visits another’s');
  },
);

t.test('the list has pages, leaves out muted people, gathers likes, and counts up to 99', async (t) => {
  const { app, john, susan, postId, client } = await setUp();
  const ann = await createUser(app, { username: 'ann' });
  await sql`
    insert into notifications (recipient_id, kind, cause, actor_id)
    select ${john.id}, 'follow', 'follow by ' || n, ${ann.id} from generate_series(1, 120) as n
  `.execute(app.db);
  const [otherPost = 0] = await writePosts(app, john);
  for (const [{ id }, likedPost] of [
    [susan, otherPost],
    [susan, postId],
    [ann, postId],
    [john, postId],
    [susan, postId],
  ] as const)
    await sql`
      insert into notifications (recipient_id, kind, cause, actor_id, post_id)
      values (${john.id}, 'like', gen_random_uuid(), ${id}, ${likedPost})
    `.execute(app.db);
  const page = await client.get('/notifications');
  t.equal(bellOf(page), '99+ unread notifications');
  t.match(page.body, 'susan, john and 2 others liked your post');
  const [newest] = (await notificationsOf(app, john)).toReversed();
  await client.get(`/notifications/${newest?.id}`);
  const unread = (await notificationsOf(app, john)).filter(({ readAt }) => readAt === null);
  t.equal(unread.length, 121, 'they are read together');
  t.same(
    unread.flatMap((one) => (one.kind === 'like' ? [one.postId] : [])),
    [otherPost],
  );
  const older = /rel="next" href="([^"]+)"/.exec(page.body)?.[1] ?? '';
  t.match((await client.get(older)).body, 'ann follows you');
  await block(app.db, { blockerId: john.id, blockedId: ann.id }, 'mute');
  const without = await client.get(older);
  t.notMatch(without.body, 'ann follows you');
  t.equal(bellOf(without), '1 unread notification', 'what is on no list is not counted');
});

t.test('the API lists notifications and marks them as read', async (t) => {
  const { app, john, susan, postId, comment } = await setUp();
  const commentId = await comment();
  const program = await ApiProgram.of(app, john);
  const { notifications, ...page } = (await program.get('/notifications/')).json();
  t.match(notifications, [
    {
      kind: 'comment',
      is_read: false,
      actor_url: `/api/v1/users/${susan.id}`,
      post_url: `/api/v1/posts/${postId}`,
      comment_url: `/api/v1/comments/${commentId}`,
    },
  ]);
  t.same(page, { prev: null, next: null, count: 1, unread_count: 1 });
  await comment();
  t.equal((await program.post('/notifications/read', { last_id: notifications[0].id })).statusCode, 204);
  t.match((await program.get('/notifications/?unread=true')).json(), {
    notifications: [{}],
    unread_count: 1,
  });
  await program.post('/notifications/read', {});
  t.match((await program.get('/notifications/?unread=true')).json(), { notifications: [], count: 0 });
  t.match((await program.get('/notifications/')).json(), { notifications: [{}, {}], count: 2 });
  t.equal((await program.post('/notifications/read', { last_id: 'x' })).statusCode, 400);
});

/** An open stream of events, as text. */
interface Stream {
  readonly text: () => string;
  readonly response: IncomingMessage;
  readonly isOver: () => boolean;
}

async function openStream(t: Test, app: FastifyInstance, client: Client): Promise<Stream> {
  const { port } = app.server.address() as AddressInfo;
  const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const request = get({ port, path: '/notifications/events', headers: { cookie }, agent: false });
  t.teardown(() => request.destroy());
  const response = await new Promise<IncomingMessage>((resolve) => request.once('response', resolve));
  let text = '';
  let isOver = false;
  response.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  response.on('close', () => {
    isOver = true;
  });
  return { text: () => text, response, isOver: () => isOver };
}

t.test('open pages are notified of changes, until the session or the app ends', async (t) => {
  const { app, comment, client, susan } = await setUp(build(t, {}, { config: { maxEventStreams: 7 } }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const stream = await openStream(t, app, client);
  t.match(stream.response.headers, {
    'content-type': /^text\/event-stream/,
    'cache-control': /no-store/,
    'x-accel-buffering': 'no',
    'content-encoding': undefined,
  });
  await waitFor(() => stream.text().includes('"label":"Notifications"'), 'it begins with the count');
  t.match(stream.text(), /^retry: \d+\n/);
  await comment();
  await waitFor(() => stream.text().includes('"label":"1 unread notification"'), 'it tells of a comment');
  await client.post('/notifications/read', { last: '2147483647' });
  await waitFor(() => stream.text().endsWith('"label":"Notifications"}\n\n'), 'it tells that it was read');
  await app.unreadStreams.beat();
  await waitFor(() => stream.text().endsWith('\n\n:\n\n'), 'a comment keeps it open');
  t.notOk(stream.isOver());

  const others: Stream[] = [];
  for (let number = 1; number <= 5; number += 1) others.push(await openStream(t, app, client));
  await waitFor(() => stream.isOver(), 'a sixth window takes the place of the first');
  t.match(stream.text(), /event: stop\ndata:\n\n$/);
  t.notOk(others.some(({ isOver }) => isOver()));

  const hers = await signedInClient(app, susan);
  const [her, second, third] = [
    await openStream(t, app, hers),
    await openStream(t, app, hers),
    await openStream(t, app, hers),
  ];
  t.match([her.response.statusCode, second.response.statusCode, third.response.statusCode], [200, 200, 204]);
  await hers.post('/auth/logout');
  await app.unreadStreams.beat();
  await waitFor(() => her.isOver() && second.isOver(), 'they end with their session');

  const last = await openStream(t, app, await signedInClient(app, susan));
  await app.db
    .updateTable('sessions')
    .set({ expires_at: sql`now()` })
    .where('user_id', '=', susan.id)
    .execute();
  await app.unreadStreams.beat();
  await waitFor(() => last.isOver(), 'or when it expires');
  t.notOk(others.some(({ isOver }) => isOver()));

  const startedAt = performance.now();
  await app.close();
  t.ok(performance.now() - startedAt < 20_000, 'closing does not wait for them');
  await waitFor(() => others.every(({ isOver }) => isOver()), 'they end with the app');
});

t.test('visitors and unconfirmed accounts get no stream, and are told not to try again', async (t) => {
  const app = await build(t);
  const unconfirmed = await signedInClient(app, await createUser(app, { isConfirmed: false }));
  for (const client of [new Client(app), unconfirmed])
    t.equal((await client.get('/notifications/events')).statusCode, 204);
});
