import { connect } from 'node:net';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import sharp from 'sharp';
import t from 'tap';
import { follow } from '../../../src/domain/follows/follow.ts';
import { makePicture } from '../../../src/domain/pictures/make.ts';
import { removeOwnPicture } from '../../../src/domain/pictures/remove.ts';
import { prune } from '../../../src/domain/prune.ts';
import { pictureQueue } from '../../../src/queues.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { assertEnqueued, drain } from '../../support/jobs.ts';
import { renderPicture, upload } from '../../support/pictures.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const app = await build(t, { RATE_LIMITS: 'off' }, { config: { pictureTimeoutMs: 60_000 } });
const john = await createUser(app);
const moderator = await createUser(app, { username: 'moderator', role: 'Moderator' });
const client = await signedInClient(app, john);

const PAGE = '/edit-profile/picture';
const photo = new Uint8Array(
  await sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } })
    .jpeg()
    .toBuffer(),
);

const uploads = () => app.db.selectFrom('picture_uploads').selectAll().execute();
const pathOf = (body: string, size: 'small' | 'large') =>
  new RegExp(`src="(/avatar/${size}/[\\w-]{43}\\.webp)"`).exec(body)?.[1];

t.beforeEach(async () => {
  await removeOwnPicture(app.db, john.id);
  await sql`delete from pgboss.job where name = ${pictureQueue.name}`.execute(app.db);
});

t.test(
  'an uploaded picture replaces the avatar everywhere, and removing it brings the avatar back',
  async (t) => {
    const [postId = 0] = await writePosts(app, john);
    await writeComments(app, john, postId);
    await follow(app, john.id, moderator.id);
    const visitor = new Client(app);
    const pages = ['/', `/post/${postId}`, '/comment/1/whole', '/followers/moderator'];
    const before = await visitor.get('/');

    const other = { user_id: moderator.id, fault: 'unreadable' } as const;
    await app.db.insertInto('picture_uploads').values(other).execute();
    const files = { hash: 'x'.repeat(43), small: Buffer.alloc(1), large: Buffer.alloc(1) };
    await app.db
      .insertInto('pictures')
      .values({ user_id: moderator.id, ...files })
      .execute();
    t.equal((await upload(client, photo)).headers.location, PAGE);
    await assertEnqueued(t, app, pictureQueue, [{ userId: john.id }]);
    t.match((await client.get(PAGE)).body, 'data-refresh="1000"');
    await drain(app);
    t.match(await uploads(), [other], 'the file is not kept');
    for (const page of pages) t.ok(pathOf((await visitor.get(page)).body, 'small'), page);
    const profile = await visitor.get('/user/john');
    const large = pathOf(profile.body, 'large') ?? '';
    t.ok(pathOf((await client.get(PAGE)).body, 'large'));
    t.notOk(pathOf((await visitor.get('/user/moderator')).body, 'large'), 'nobody else has it');
    t.not((await visitor.get('/')).headers.etag, before.headers.etag);

    const picture = await visitor.get(large);
    t.match(picture.headers, {
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
      'content-security-policy': /default-src 'none'/,
    });
    t.match(await sharp(picture.rawPayload).metadata(), { width: 256 });
    const small = await visitor.get(large.replace('large', 'small'));
    t.match(await sharp(small.rawPayload).metadata(), { width: 96 });

    const removed = await client.follow(await client.post(`${PAGE}/remove`));
    t.same(messagesOf(removed), ['Your picture has been removed.']);
    for (const page of pages) t.notOk(pathOf((await visitor.get(page)).body, 'small'), page);
    t.equal((await visitor.get(large)).statusCode, 404);
    t.match(await uploads(), [other]);
    await removeOwnPicture(app.db, moderator.id);
  },
);

t.test('another upload replaces the picture, whatever happened to the first in the meantime', async (t) => {
  const text = new TextEncoder().encode('no picture');
  const makeWhileUploading = (second: Uint8Array<ArrayBuffer>) =>
    makePicture(
      {
        db: app.db,
        async renderPicture(content, purpose) {
          await upload(client, second);
          return renderPicture(content, purpose);
        },
      },
      john.id,
    );
  await upload(client, photo);
  await makeWhileUploading(text);
  t.notOk(pathOf((await client.get('/user/john')).body, 'large'), 'the first was replaced');
  await drain(app);
  t.match(errorsOf(await client.get(PAGE)), { file: 'This file could not be read.' });
  await upload(client, text);
  await makeWhileUploading(photo);
  await drain(app);
  t.ok(pathOf((await client.get('/user/john')).body, 'large'));
});

t.test('a file that is not a picture, or is too large, is refused on the page', async (t) => {
  t.same(errorsOf(await upload(client)), { file: 'Choose a picture.' });
  t.equal((await upload(client)).statusCode, 422);
  const big = await upload(client, new Uint8Array(5 * 2 ** 20 + 1));
  t.equal(big.statusCode, 422);
  t.same(errorsOf(big), { file: 'This file is too big. Choose one of at most 5 MB.' });
  t.equal((await upload(client, new Uint8Array(5 * 2 ** 20))).statusCode, 303);
  t.equal((await upload(client, photo, photo)).statusCode, 422, 'one at a time');
  await removeOwnPicture(app.db, john.id);

  const bomb = await sharp({ create: { width: 20_000, height: 1, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  await upload(client, new Uint8Array(bomb));
  await drain(app);
  t.same(errorsOf(await client.get(PAGE)), {
    file: 'This picture is too large. Choose one of at most 25 megapixels, and 10,000 pixels wide and high.',
  });
  t.match(await uploads(), [{ content: null, fault: 'too-large' }]);
  await sql`update picture_uploads set created_at = now() - interval '25 hours'`.execute(app.db);
  await prune(app.db, new AbortController());
  t.same(await uploads(), []);
});

t.test('a broken form is refused without a server error', async (t) => {
  const type = 'multipart/form-data; boundary=x';
  const part = (headers: string) => `--x\r\ncontent-disposition: form-data; ${headers}\r\n\r\n`;
  const broken: Record<string, [string, string]> = {
    'no form': ['application/x-www-form-urlencoded', 'file=x'],
    'no boundary': ['multipart/form-data', 'x'],
    'no end': [type, `${part('name="file"; filename="a.jpg"')}abc`],
    'no file': [type, `${part('name="file"')}abc\r\n--x--`],
    'a field first': [type, `${part('name="a"')}1\r\n${part('name="file"; filename="a"')}abc\r\n--x--`],
    'a bad name': [type, `${part('name="__proto__"; filename="a"')}abc\r\n--x--`],
    nothing: [type, ''],
  };
  for (const [what, [contentType, payload]] of Object.entries(broken)) {
    const response = await client.post(PAGE, {}, { payload, headers: { 'content-type': contentType } });
    t.equal(response.statusCode, 422, what);
    t.ok(errorsOf(response).file, what);
  }
  t.same(await uploads(), []);
});

t.test('uploads whose connection closes while the session is read do not keep others out', async (t) => {
  const { port } = new URL(await app.listen({ port: 0 }));
  const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const head = `POST ${PAGE} HTTP/1.1\r\nhost: localhost\r\ncookie: ${cookie}\r\ncontent-length: 100`;
  const waiting = sql<object>`select from pg_locks where relation = 'sessions'::regclass and not granted`;
  for (let number = 1; number <= 10; number += 1) {
    await app.db.transaction().execute(async (trx) => {
      await sql`lock table sessions`.execute(trx);
      const socket = connect(Number(port), 'localhost');
      socket.write(`${head}\r\ncontent-type: multipart/form-data; boundary=x\r\n\r\n--x`);
      await waitFor(async () => (await waiting.execute(trx)).rows.length > 0, 'the session is read');
      socket.destroy();
      await waitFor(
        async () => (await promisify(app.server.getConnections).call(app.server)) === 0,
        'it closes',
      );
    });
  }
  t.equal((await upload(client, photo)).statusCode, 303);
});

t.test('only confirmed people who may write can upload, from this site, and not too often', async (t) => {
  t.match((await upload(new Client(app), photo)).headers.location, '/auth/login');
  const newcomer = await signedInClient(
    app,
    await createUser(app, { username: 'newcomer', isConfirmed: false }),
  );
  t.equal((await upload(newcomer, photo)).headers.location, '/auth/unconfirmed');
  const attack = await client.post(PAGE, {}, { headers: { 'sec-fetch-site': 'cross-site' } });
  t.equal(attack.statusCode, 403);

  await sql`update users set silenced_until = now() + interval '1 day' where id = ${john.id}`.execute(app.db);
  t.equal((await upload(client, photo)).statusCode, 403);
  t.notMatch((await client.get(PAGE)).body, 'type="file"');
  await sql`update users set silenced_until = null`.execute(app.db);
  t.same(await uploads(), []);

  const limited = await build(t);
  const susan = await signedInClient(limited, await createUser(limited, { username: 'susan', isNew: true }));
  for (let number = 1; number <= 3; number += 1) t.equal((await upload(susan, photo)).statusCode, 303);
  t.equal((await upload(susan, photo)).statusCode, 429);
});

t.test(
  'a moderator can remove a picture, even while it is being made, and the removal is recorded',
  async (t) => {
    const staff = await signedInClient(app, moderator);
    const path = `/moderate/people/${john.id}`;
    t.notMatch((await staff.get(path)).body, 'Remove picture');
    await upload(client, photo);
    await drain(app);
    t.match((await staff.get(path)).body, 'Remove picture');
    const page = await staff.follow(await staff.post(`${path}/remove-picture`));
    t.same(messagesOf(page), ['The picture has been removed.']);
    t.match(page.body, /Profile picture removed<\/td><td>moderator/);
    t.notOk(pathOf((await client.get('/user/john')).body, 'large'));
    t.match((await client.get('/auth/activity')).body, 'Profile picture removed');

    await upload(client, photo);
    await makePicture(
      {
        db: app.db,
        async renderPicture(content, purpose) {
          await staff.post(`${path}/remove-picture`);
          return renderPicture(content, purpose);
        },
      },
      john.id,
    );
    t.notOk(pathOf((await client.get('/user/john')).body, 'large'), 'it does not come back');

    const other = await createUser(app, { username: 'other', role: 'Moderator' });
    t.equal((await staff.post(`/moderate/people/${other.id}/remove-picture`)).statusCode, 403);
  },
);

t.test('removing a picture keeps an identical one of another person', async (t) => {
  const susan = await createUser(app, { username: 'susan' });
  const other = await signedInClient(app, susan);
  await upload(client, photo);
  await upload(other, photo);
  await drain(app);
  const path = pathOf((await client.get('/user/john')).body, 'large') ?? '';
  t.match((await client.get('/user/susan')).body, path);
  await other.post(`${PAGE}/remove`);
  t.equal((await client.get(path)).statusCode, 200);
  t.match((await client.get('/user/john')).body, path);
});

t.test('neither one person nor one IP address can take all the slots for uploads', async (t) => {
  const [jane, mary] = [
    await createUser(app, { username: 'jane' }),
    await createUser(app, { username: 'mary' }),
  ];
  const [one, other] = [await signedInClient(app, jane), await signedInClient(app, mary)];
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const sendSlowly = (accountId: number, address: string) =>
    app.uploads.read({ accountId, address }, () => arrived);
  const all = [sendSlowly(jane.id, '192.0.2.1')];
  t.equal((await upload(one, photo)).statusCode, 503);
  t.equal((await upload(other, photo)).statusCode, 303);

  for (const id of [101, 102, 103, 104]) all.push(sendSlowly(id, `2001:db8::${id}`));
  await t.rejects(sendSlowly(105, '2001:db8::105'), { code: 'busy' }, 'a fifth from the same network');
  all.push(sendSlowly(105, '2001:db8:0:1::105'));
  arrive();
  await Promise.all(all);
  t.equal((await upload(one, photo)).statusCode, 303);
});
