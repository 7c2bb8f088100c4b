import type { LightMyRequestResponse } from 'fastify';
import { sql } from 'kysely';
import sharp from 'sharp';
import t from 'tap';
import { eraseAccount } from '../../../src/domain/accounts/erase.ts';
import { imageMarkdown } from '../../../src/domain/images/image.ts';
import { makeImage } from '../../../src/domain/images/make.ts';
import { resolveImages } from '../../../src/domain/images/resolve.ts';
import { uploadImage } from '../../../src/domain/images/upload.ts';
import { setPostDisabled } from '../../../src/domain/posts/write.ts';
import { prune } from '../../../src/domain/prune.ts';
import { pictureQueue } from '../../../src/queues.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { plainImage, sendImage, storeImage } from '../../support/images.ts';
import { assertEnqueued, drain } from '../../support/jobs.ts';
import { renderPicture } from '../../support/pictures.ts';

const app = await build(
  t,
  { RATE_LIMITS: 'off', IMAGE_QUOTA_MB: '1', BASE_URL: 'https://blog.example' },
  { config: { pictureTimeoutMs: 60_000 } },
);
const { db } = app;
const john = await createUser(app, { username: 'john' });
const susan = await createUser(app, { username: 'susan' });
const moderator = await createUser(app, { username: 'moderator', role: 'Moderator' });
const client = await signedInClient(app, john);
const stranger = await signedInClient(app, susan);
const staff = await signedInClient(app, moderator);
const visitor = new Client(app);
const signal = new AbortController().signal;

const images = () => db.selectFrom('images').selectAll().orderBy('id').execute();
const fileOf = (key: string, width = 640) => `/images/${key}/${width}.webp`;

/** Publishes a post and returns its path. */
async function publish(body: string, author = client): Promise<string> {
  const home = await author.follow(await author.post('/', { body }));
  return /href="(\/post\/\d+)[^"]*"/.exec(home.body)?.[1] ?? '';
}

const idOf = (path: string) => Number(path.split('/')[2]);

t.beforeEach(async () => {
  await db.deleteFrom('images').execute();
  await db.deleteFrom('posts').execute();
  await sql`delete from pgboss.job where name = ${pictureQueue.name}`.execute(db);
});

t.test('an uploaded image has its place in a post at once, and its files when the job has run', async (t) => {
  const answer = await sendImage(client, await plainImage(2000, 1000));
  t.equal(answer.headers.location, '/images');
  const [image] = await images();
  if (image === undefined) throw new Error('nothing was stored');
  await assertEnqueued(t, app, pictureQueue, [{ imageId: image.id }]);
  const markdown = imageMarkdown(image);
  t.match((await client.get('/images')).body, `value="${markdown}"`);

  const preview = await client.post('/', { body: markdown, preview: 'y' });
  t.match(preview.body, `src="${fileOf(image.key, 1280)}"`);
  const path = await publish(`Look: ${markdown}`);
  const { body } = await visitor.get(path);
  t.match(
    body,
    [
      `<img src="${fileOf(image.key, 1280)}"`,
      `srcset="${fileOf(image.key)} 640w, ${fileOf(image.key, 1280)} 1280w, ${fileOf(image.key, 1920)} 1920w"`,
      'sizes="min(38rem, 100vw)" width="2000" height="1000" loading="lazy" decoding="async"',
    ].join(' '),
  );
  t.match(body, `<meta property="og:image" content="https://blog.example${fileOf(image.key, 1920)}">`);
  const waiting = await visitor.get(fileOf(image.key));
  t.match(waiting.headers, { 'content-type': 'image/svg+xml', 'cache-control': 'no-store' });
  t.match(waiting.body, 'width="2000" height="1000"');

  await drain(app);
  let size = 0;
  for (const width of [640, 1280, 1920]) {
    const file = await visitor.get(fileOf(image.key, width));
    t.match(file.headers, {
      'content-type': 'image/webp',
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'cross-origin',
      'content-security-policy': /default-src 'none'/,
    });
    t.match(await sharp(file.rawPayload).metadata(), { width, height: width / 2 });
    size += file.rawPayload.length;
  }
  t.equal((await visitor.get(path)).body, body, 'the post has not changed');
  t.equal((await visitor.get(`/images/${image.key}`)).headers.location, fileOf(image.key, 1920));
  t.match(await images(), [{ upload: null, unused_since: null, size }], 'the upload is not kept');
  for (const feed of ['/feed.atom', '/feed.json'])
    t.match((await visitor.get(feed)).body, `https://blog.example${fileOf(image.key, 1920)} 1920w`, feed);
});

t.test('what cannot be an image is refused with the reason', async (t) => {
  const refused = async (file: Uint8Array<ArrayBuffer>, message: RegExp, fields?: Record<string, string>) => {
    const page = await sendImage(client, file, fields);
    t.equal(page.statusCode, 422);
    t.match(errorsOf(page), fields ? { alt: message } : { file: message });
    const json = await sendImage(client, file, fields, { accept: 'application/json' });
    t.equal(json.statusCode, 422);
    t.match(json.json(), { message });
  };
  const png = await plainImage();
  await refused(
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    /could not be read/,
  );
  await refused(Buffer.from(await sharp(png).tiff().toBuffer()), /could not be read/);
  await refused(Buffer.from('hello'), /could not be read/);
  await refused(Buffer.alloc(0), /Choose a picture/);
  for (const [width, height, message] of [
    [20_000, 20_000, /at most 25 megapixels/],
    [10_001, 1, /at most 25 megapixels/],
    [5_001, 5_000, /at most 25 megapixels/],
    [0, 30, /could not be read/],
    [40, 0, /could not be read/],
  ] as const) {
    const forged = Buffer.from(png);
    forged.writeUInt32BE(width, 16);
    forged.writeUInt32BE(height, 20);
    await refused(forged, message);
  }
  await refused(Buffer.alloc(10 * 2 ** 20 + 1), /at most 10 MB/);
  await refused(png, /Describe the image/, { alt: ' ' });
  await refused(png, /at most 1000 characters/, { alt: 'x'.repeat(1001) });
  t.same(await images(), []);

  const decorative = { alt: 'ignored', decorative: 'y' };
  t.equal((await sendImage(client, png, decorative)).statusCode, 303);
  const half = Buffer.from(await sharp(png).resize(400).jpeg().toBuffer());
  const accepted = await sendImage(
    client,
    half.subarray(0, half.length / 2),
    { alt: '[x] *y*' },
    { accept: 'application/json' },
  );
  t.equal(accepted.statusCode, 201);
  t.match(accepted.json(), { markdown: /^!\[\\\[x\\\] \\\*y\\\*\]\(\/images\/[\w-]{22}\)$/ });
  await drain(app);
  t.match(await images(), [
    { alt: '', fault: null },
    { upload: null, fault: 'unreadable', size: 0 },
  ]);
  t.match((await client.get('/images')).body, 'This file could not be read.');
});

t.test('a turned photo keeps its place, and a broken description of it is corrected', async (t) => {
  const turned = await sharp(await plainImage(40, 20))
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  await sendImage(client, Buffer.from(turned));
  t.match(await images(), [{ width: 20, height: 40 }]);
  const webp = await sharp(await plainImage(40, 20))
    .withMetadata({ orientation: 6 })
    .webp()
    .toBuffer();
  await sendImage(client, Buffer.from(webp));
  await drain(app);
  t.match(await images(), [
    { width: 20, height: 40 },
    { width: 20, height: 40 },
  ]);
});

t.test('an image is for its owner, until a post that everyone may read shows it', async (t) => {
  await sendImage(stranger, await plainImage(20, 20));
  const [hers] = await images();
  const post = await visitor.get(await publish(imageMarkdown(hers ?? { key: '', alt: '' }), stranger));
  t.match(post.body, /<img src="[^"]+" width="20"/, 'a small image has only one file');
  const [image, kept] = [await storeImage(app, john.id), await storeImage(app, john.id)];
  // Not the oldest first, and by two workers.
  await Promise.all([1, 2].map(() => makeImage({ db, renderPicture }, kept.id)));
  await drain(app);
  const file = fileOf(image.key);
  const sizeOf = async ({ rawPayload }: LightMyRequestResponse) => sharp(rawPayload).metadata();
  t.match(await sizeOf(await visitor.get(fileOf(hers?.key ?? ''))), { width: 20, height: 20 });
  for (const { key } of [image, kept])
    t.match(await sizeOf(await client.get(fileOf(key))), { width: 40, height: 30 }, 'each has its own file');
  t.notMatch((await stranger.get('/images')).body, image.key);
  const statuses = async () => {
    const all = [client, stranger, staff, visitor].map((reader) => reader.get(file));
    return (await Promise.all(all)).map(({ statusCode }) => statusCode);
  };
  t.same(await statuses(), [200, 404, 200, 404]);
  t.equal((await client.get(file)).headers['cache-control'], 'private, no-store');

  const theirs = await publish(imageMarkdown(image), stranger);
  t.notMatch((await visitor.get(theirs)).body, '<img src="/images');
  t.match((await visitor.get(theirs)).body, `href="/images/${image.key}"`, 'a link instead');
  t.same(await statuses(), [200, 404, 200, 404]);

  const path = await publish(imageMarkdown(image));
  t.same(await statuses(), [200, 200, 200, 200]);
  t.same((await client.get('/images')).body.match(/shown in \d+ posts?/g), ['shown in 1 post']);
  await setPostDisabled(db, idOf(path), true);
  t.same(await statuses(), [200, 404, 200, 404], 'a moderator has hidden the post');
  await setPostDisabled(db, idOf(path), false);
  await client.post(`/edit${path.replace('/post', '')}`, { body: 'Nothing', version: '1' });
  t.same(await statuses(), [200, 404, 200, 404], 'the post has changed');

  t.equal((await stranger.post(`/images/${image.key}/delete`)).statusCode, 404);
  t.equal((await client.post(`/images/${image.key}/delete`)).statusCode, 303);
  t.same(await statuses(), [404, 404, 404, 404]);
  t.same(
    (await images()).map(({ key }) => key),
    [hers?.key, kept.key],
  );
});

t.test('a person has a quota, however small the images and however many at once', async (t) => {
  const png = await plainImage();
  await sql`
    insert into images (key, owner_id, alt, width, height, size)
    select lpad(n::text, 22, '0'), ${john.id}, '', 1, 1, 1 from generate_series(1, 9) as n
  `.execute(db);
  const upload = { ownerId: john.id, alt: '', content: png };
  const both = await Promise.allSettled([1, 2].map(() => uploadImage(app, upload, 2 ** 20)));
  t.same(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], 'one more of 100 kB fits');
  const refused = await sendImage(client, png);
  t.equal(refused.statusCode, 422);
  t.match(errorsOf(refused), { file: /Your images can take up 1 MB/ });
  t.equal((await sendImage(stranger, png)).statusCode, 303);
  await client.post(`/images/${'1'.padStart(22, '0')}/delete`);
  t.equal((await sendImage(client, png)).statusCode, 303);
});

t.test('a post shows at most a hundred images, and none that could not be read', async (t) => {
  await sql`
    insert into images (key, owner_id, alt, width, height, size, fault)
    select lpad(n::text, 22, '0'), ${john.id}, '', 1, 1, 1, case when n = 1 then 'unreadable' end
    from generate_series(0, 101) as n
  `.execute(db);
  const keys = Array.from({ length: 101 }, (_, index) => String(index + 1).padStart(22, '0'));
  const shown = await resolveImages(db, john.id, keys.map((key) => `/images/${key}`).join(' '));
  t.same([...shown.keys()].sort(), keys.slice(1, 100));
});

t.test('images that no post has shown for 30 days are deleted', async (t) => {
  const [unused, shown, dropped] = [
    await storeImage(app, john.id, 'unused'),
    await storeImage(app, john.id, 'shown'),
    await storeImage(app, john.id, 'dropped'),
  ];
  await publish(`${imageMarkdown(shown)} ${imageMarkdown(shown)}`);
  const path = await publish(imageMarkdown(dropped));
  await sql`update images set unused_since = unused_since - interval '31 days'`.execute(db);
  await client.post(`${path}/delete`);
  t.match(await prune(db, { signal }), { images: 1 });
  t.same(
    (await images()).map(({ key }) => key),
    [shown.key, dropped.key],
  );
  t.not(unused.key, shown.key);
  await sql`update images set unused_since = unused_since - interval '31 days'`.execute(db);
  await prune(db, { signal });
  t.same(
    (await images()).map(({ key }) => key),
    [shown.key],
  );
});

t.test('an erased account leaves no images, but those in posts that stay', async (t) => {
  for (const keepsTexts of [true, false]) {
    const leaving = await createUser(app, { username: `leaving${Number(keepsTexts)}` });
    const author = await signedInClient(app, leaving);
    const shown = await storeImage(app, leaving.id);
    await storeImage(app, leaving.id);
    await publish(imageMarkdown(shown), author);
    await db
      .updateTable('users')
      .set({ deletion_due_at: new Date(0), deletion_keeps_texts: keepsTexts })
      .where('id', '=', leaving.id)
      .execute();
    await eraseAccount(db, leaving.id, { signal });
    t.same(
      (await images()).filter(({ owner_id }) => owner_id === leaving.id).map(({ key }) => key),
      keepsTexts ? [shown.key] : [],
    );
  }
});

t.test('only confirmed people who may write can upload', async (t) => {
  const png = await plainImage();
  t.match((await sendImage(visitor, png)).headers.location, '/auth/login');
  await sql`update users set silenced_until = now() + interval '1 day' where id = ${john.id}`.execute(db);
  t.equal((await sendImage(client, png)).statusCode, 403);
  t.notMatch((await client.get('/images')).body, 'type="file"');
});
