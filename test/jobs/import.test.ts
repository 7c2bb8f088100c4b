import { sql } from 'kysely';
import t from 'tap';
import { removeImage } from '../../src/domain/images/remove.ts';
import { findNewestImport, requestImport } from '../../src/domain/imports/requests.ts';
import { runImport } from '../../src/domain/imports/run.ts';
import { publishPost, updatePost } from '../../src/domain/posts/write.ts';
import { prune } from '../../src/domain/prune.ts';
import { Busy, DomainError } from '../../src/errors.ts';
import { importQueue } from '../../src/queues.ts';
import { ApiProgram } from '../support/api.ts';
import { build } from '../support/build.ts';
import { messagesOf } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { plainImage, storeImage } from '../support/images.ts';
import { exportedPost, sendImport, zip } from '../support/imports.ts';
import { assertEnqueued, drain, jobsOf } from '../support/jobs.ts';
import { waitForLock } from '../support/locks.ts';
import { catchMail } from '../support/smtp.ts';
import { addSubscribers } from '../support/subscriptions.ts';
import { unzip } from '../support/unzip.ts';
import { writePosts } from '../support/writing.ts';

const OPTIONS = { quota: 2 ** 30, signal: new AbortController().signal };

const smtp = await catchMail(t);
const app = await build(t, { SMTP_URL: smtp.url, RATE_LIMITS: 'off' });
const { db } = app;
const susan = await createUser(app, { username: 'susan' });
const jane = await createUser(app, { username: 'jane' });
const client = await signedInClient(app, jane);

const postsOfJane = () =>
  db.selectFrom('posts').selectAll().where('author_id', '=', jane.id).orderBy('position').execute();
const forgetPosts = () => db.deleteFrom('posts').where('author_id', '=', jane.id).execute();
const pageText = async () =>
  (await client.get('/your-data')).body.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ');

/** Uploads a file and runs its job. Returns what has become of it. */
async function importFile(files: Record<string, unknown>) {
  t.equal((await sendImport(client, await zip(files))).statusCode, 303);
  await drain(app);
  return findNewestImport(db, jane.id);
}

const replaceBytes = (file: Buffer, from: string, to: string) =>
  Buffer.from(file.toString('latin1').replaceAll(from, to), 'latin1');

/** Enqueues an import and leaves its job waiting. Returns its id. */
async function waitingImport(posts: readonly unknown[]): Promise<number> {
  await sendImport(client, await zip({ 'posts.json': posts }));
  const [job] = await jobsOf(app, importQueue, ['created']);
  return job?.data.importId ?? 0;
}

const manyPosts = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    exportedPost({ body: `Post ${index}`, timestamp: new Date(index * 3_600_000).toISOString() }),
  );

t.test('an export, imported into another site and exported again, has the same content', async (t) => {
  const other = await build(t, { SMTP_URL: smtp.url });
  const john = await createUser(other);
  await createUser(other, { username: 'susan' });
  const { key } = await storeImage(other, john.id);
  const write = async (body: string, date: string, writing: object = {}) => {
    const text = await other.markdown.post(body, new Map(), new Map([[key, { width: 40, height: 30 }]]));
    const { id } = await publishPost(other, john.id, { ...text, ...writing });
    await other.db
      .updateTable('posts')
      .set({ created_at: new Date(date) })
      .where('id', '=', id)
      .execute();
    return id;
  };
  await write('Newest, for @susan #tea', '2021-05-05T05:05:05.123Z', { addedTags: ['bread'] });
  const edited = await write('Second', '2019-02-03T04:05:06.007Z');
  await updatePost(
    other,
    edited,
    { ...(await other.markdown.post('Second\n\n  *edited*')), title: 'Dom' },
    undefined,
  );
  await write('Oldest', '2018-01-01T00:00:00Z', { title: 'На дворе — трава', addedTags: ['tea'] });
  await write(`![A cat](/images/${key})`, '2019-02-03T04:05:06.006Z');
  await write('For few', '2020-01-01T00:00:00Z', { isUnlisted: true });
  const exportFrom = async (site: typeof app, person: typeof jane) => {
    const browser = await signedInClient(site, person);
    await browser.post('/your-data');
    await drain(site);
    return (await browser.get('/your-data/download')).rawPayload;
  };
  const contentOf = async (archive: Buffer) => {
    const files = await unzip(archive);
    const posts: Record<string, unknown>[] = JSON.parse(files['posts.json'] ?? '');
    const images: Record<string, unknown>[] = JSON.parse(files['images.json'] ?? '');
    return {
      posts: posts.map(({ id: _id, path: _path, ...post }) => post),
      images: images.map(({ timestamp: _timestamp, ...image }) => image),
      shown: files[`images/${key}.webp`]?.length !== undefined,
    };
  };

  await drain(other);
  const archive = await exportFrom(other, john);
  const before = await contentOf(archive);
  t.equal(before.posts.length, 5);
  const same = { body: 'Oldest', body_html: '', created_at: new Date('2018-01-01T00:00:00Z') };
  await db
    .insertInto('posts')
    .values({ author_id: susan.id, ...same })
    .execute();
  await addSubscribers(app, jane.id);
  await writePosts(app, susan);
  const ended = { user_id: susan.id, state: 'done', ended_at: new Date() } as const;
  await db.insertInto('data_imports').values(ended).execute();
  const mails = smtp.mails.length;
  t.match((await sendImport(client, Buffer.from(archive))).headers.location, '/your-data');
  t.match(await pageText(), 'Your import is queued.');
  await drain(app);
  t.match(await pageText(), /Your import of [^:]+: 5 posts imported, 0 already here\./);
  t.match(await findNewestImport(db, susan.id), { imported: 0, images: 0 });
  const made = db.selectFrom('security_events').select('user_id').where('kind', '=', 'import-made');
  t.same(await made.execute(), [{ user_id: jane.id }]);
  t.same(
    smtp.mails.slice(mails).map(({ subject }) => subject),
    ['[Pennypost] Your import has ended'],
    'no subscriber is mailed',
  );
  t.match(smtp.mails.at(-1)?.text, /Posts imported: 5.*Images: 1/s);
  const { rows } = await sql`select priority from pgboss.job where name = 'pictures'`.execute(db);
  t.same(rows, [{ priority: -10 }], 'an image waits behind those that people wait for');
  t.same(await db.selectFrom('notifications').selectAll().execute(), [], 'nobody is notified');
  t.same(await db.selectFrom('mentions').selectAll().execute(), [], 'susan is another one here');
  t.notMatch((await client.get('/user/jane')).body, 'class="mention"', 'and not linked');
  t.same(await contentOf(await exportFrom(app, jane)), before);

  await t.test('imported posts are in every list in the order of their dates', async (t) => {
    const program = await ApiProgram.of(app, jane);
    const order = (body: string, ...texts: string[]) => {
      const places = texts.map((text) => body.indexOf(text));
      t.ok(
        places.every((place) => place >= 0),
        String(texts),
      );
      t.same(
        places.toSorted((a, b) => a - b),
        places,
        String(texts),
      );
    };
    const listed = ['Newest, for', 'alt="A cat"', 'edited', 'Oldest'];
    const visitor = await signedInClient(app, susan);
    for (const path of ['/', '/feed.json'])
      order((await visitor.get(path)).body, 'Post 1', 'Newest, for', 'Oldest');
    for (const path of ['/', '/user/jane']) order((await visitor.get(path)).body, ...listed);
    order((await visitor.get('/tag/tea')).body, 'Newest, for', 'Oldest');
    order((await visitor.get('/archive/2019/02')).body, 'alt="A cat"', 'edited');
    order((await program.get('/posts/')).body, 'Post 1', 'Newest, for', 'Second', 'Oldest');
    order((await program.get('/search?q=from:jane')).body, 'Newest, for', 'Second', 'Oldest');
    t.match((await program.get('/search?q=from:jane+before:2019-01-01')).json(), { count: 1 });
    t.notMatch((await visitor.get('/')).body, 'For few');
  });

  await t.test('posts that already exist are skipped', async (t) => {
    await db.deleteFrom('posts').where('body', '=', 'Oldest').execute();
    await removeImage(db, jane.id, key);
    await sendImport(client, Buffer.from(archive));
    await drain(app);
    t.match(
      await findNewestImport(db, jane.id),
      { images: 1, imagesLeftOut: 0 },
      'but not an image that was deleted',
    );
    t.match(await pageText(), /1 post imported, 4 already here\./);
    t.equal((await postsOfJane()).length, 5);
  });
});

t.test(
  'a killed import continues where it stopped, and two simultaneous attempts import nothing twice',
  async (t) => {
    await forgetPosts();
    const others = await db
      .insertInto('data_imports')
      .values({ user_id: susan.id, upload: Buffer.of(1), state: 'running' })
      .returningAll()
      .executeTakeFirstOrThrow();
    const importId = await waitingImport(manyPosts(120));
    let rendered = 0;
    const dying = {
      ...app.markdown,
      post: (...text: Parameters<typeof app.markdown.post>) => {
        rendered += 1;
        return rendered > 70 ? Promise.reject(new Error('killed')) : app.markdown.post(...text);
      },
    };
    const told: number[][] = [];
    const options = {
      ...OPTIONS,
      progress: (...numbers: [number, number]) => told.push(numbers.slice(0, 2)),
    };
    await t.rejects(runImport({ db, queue: app.queue, markdown: dying }, importId, options), /killed/);
    t.same(told, [[50, 120]]);
    t.equal((await postsOfJane()).length, 50, 'a batch is imported whole or not at all');
    t.match(await pageText(), 'Imported 50 of 120 posts.');
    // Two attempts meet before they insert the same batch.
    let arrived = 0;
    const { promise: haveMet, resolve } = Promise.withResolvers<void>();
    const meeting = {
      ...app.markdown,
      post: async (...text: Parameters<typeof app.markdown.post>) => {
        const rendered = await app.markdown.post(...text);
        if (text[0] !== 'Post 99') return rendered;
        arrived += 1;
        if (arrived === 2) resolve();
        await haveMet;
        return rendered;
      },
    };
    const attempt = () => runImport({ db, queue: app.queue, markdown: meeting }, importId, OPTIONS);
    const attempts = await Promise.allSettled([attempt(), attempt()]);
    t.ok(attempts.some(({ status }) => status === 'fulfilled'));
    await drain(app);
    t.same(
      (await postsOfJane()).map(({ body }) => body),
      manyPosts(120).map(({ body }) => body),
    );
    t.match(await findNewestImport(db, jane.id), { state: 'done', imported: 120, skipped: 0 });
    const importOf = db.selectFrom('data_imports').selectAll().where('id', '=', others.id);
    t.same(await importOf.executeTakeFirst(), others, 'somebody else’s import is left alone');
    await db.deleteFrom('data_imports').where('id', '=', others.id).execute();
  },
);

t.test('a file that cannot be imported says why, and imports nothing', async (t) => {
  await forgetPosts();
  const good = exportedPost();
  const future = new Date(Date.now() + 60_000).toISOString();
  // A name that leads out of the folder, and a file that is larger than it says.
  const renamed = replaceBytes(await zip({ 'xx/posts.json': [good] }), 'xx/posts.json', '../posts.json');
  const lying = await zip({ 'posts.json': [good] });
  lying.writeUInt32LE(3, lying.lastIndexOf('PK\u0001\u0002') + 24);
  const cases: [files: Record<string, unknown> | Buffer<ArrayBuffer>, message: RegExp][] = [
    [Buffer.from('no zip'), /^This file could not be read\. Choose a zip file/],
    [{ 'a.txt': 'x' }, /^This zip file has no posts\.json/],

    [renamed, /^This file could not be read\./],
    [lying, /^posts\.json could not be read\./],
    [{ 'posts.json': '[' }, /^posts\.json is not valid JSON: /],
    [{ 'posts.json': '[\0' }, /^posts\.json is not valid JSON: /],
    [{ 'posts.json': [exportedPost({ tags: ['a\0\ud800'] })] }, /post 1, tags: “a {2}” cannot be a tag/],
    [{ 'posts.json': '['.repeat(20 * 2 ** 20) }, /^posts\.json has too many values\. At most 1,000,000/],
    [{ 'posts.json': '{"":'.repeat(10 ** 6 + 1) }, /has too many values/],
    [{ 'posts.json': `["\\"", "a", ${'1,'.repeat(10 ** 6)}1]` }, /has too many values/],
    [{ 'posts.json': [exportedPost({ body: ','.repeat(10 ** 6) })] }, /post 1, body: /],
    [{ 'posts.json': `[1${' '.repeat(10 ** 6)}]` }, /post 1: Enter an object/],
    [{ 'posts.json': {} }, /^posts\.json must be a JSON array/],
    [{ 'posts.json': [good, 1] }, /^posts\.json, post 2: Enter an object/],
    [
      { 'posts.json': [good, exportedPost({ body: ' ' })] },
      /^posts\.json, post 2, body: Enter Markdown, not blank, of at most 50,000/,
    ],
    [{ 'posts.json': [exportedPost({ body: undefined })] }, /^posts\.json, post 1, body: /],
    [{ 'posts.json': [exportedPost({ body: 'x'.repeat(50_001) })] }, /post 1, body: /],
    [{ 'posts.json': [exportedPost({ body: 'a\0b' })] }, /post 1, body: /],
    [{ 'posts.json': [exportedPost({ title: 'a\nb' })] }, /post 1, title: Enter one line/],
    [
      { 'posts.json': [exportedPost({ tags: ['a b c d e f g h i j k'] })] },
      /post 1, tags: A post can have at most 10/,
    ],
    [{ 'posts.json': [exportedPost({ tags: ['!'] })] }, /post 1, tags: “!” cannot be a tag/],
    [
      { 'posts.json': [exportedPost({ visibility: 'secret' })] },
      /post 1, visibility: Enter public or unlisted/,
    ],
    [
      { 'posts.json': [exportedPost({ timestamp: future })] },
      /post 1, timestamp: Enter a time such as .+ not in the future/,
    ],
    [{ 'posts.json': [exportedPost({ timestamp: '1969-12-31T23:59:59Z' })] }, /post 1, timestamp: /],
    [{ 'posts.json': [exportedPost({ timestamp: '2019-13-01T00:00:00Z' })] }, /post 1, timestamp: /],
    [{ 'posts.json': [exportedPost({ edited: 'yesterday' })] }, /post 1, edited: /],
    [
      {
        'posts.json': Array.from({ length: 121 }, (_, n) =>
          exportedPost({ timestamp: `2019-03-01T12:00:00.${100 + n}Z` }),
        ),
      },
      /post 121, timestamp: At most 120 posts/,
    ],
    [{ 'posts.json': Array(20_001).fill(1) }, /^posts\.json has 20001 entries\. At most 20000/],
    [
      { 'posts.json': [good], 'images.json': [{ file: '../../etc/passwd', alternative_text: '' }] },
      /^images\.json, image 1, file: /,
    ],
    [{ 'posts.json': [good], bomb: Buffer.alloc(51 * 2 ** 20) }, /too large when unpacked\. At most 50 MB/],
    [
      Object.fromEntries(Array.from({ length: 2_001 }, (_, n) => [`${n}`, ''])),
      /has 2001 files\. At most 2000/,
    ],
  ];
  for (const [files, message] of cases) {
    const file = Buffer.isBuffer(files) ? files : await zip(files);
    await db.deleteFrom('data_imports').execute();
    await db.insertInto('data_imports').values({ user_id: jane.id, upload: file }).execute();
    const { id } = await db.selectFrom('data_imports').select('id').executeTakeFirstOrThrow();
    await runImport(app, id, OPTIONS);
    const { state, fault } = (await findNewestImport(db, jane.id)) ?? {};
    t.equal(state, 'failed', String(message));
    t.match(fault, message);
  }
  t.same(await postsOfJane(), []);
  t.match(await pageText(), 'Your last import was stopped: This zip file has 2001 files.');
  const ended = await db.selectFrom('data_imports').selectAll().executeTakeFirst();
  t.match(ended, { upload: null, ended_at: Date }, 'the file is not kept');

  const importId = await waitingImport([good]);
  const failWith = (error: DomainError) => {
    const markdown = { ...app.markdown, post: () => Promise.reject(error) };
    return runImport({ ...app, markdown }, importId, OPTIONS);
  };
  await t.rejects(failWith(new Busy()), new Busy(), 'the next attempt may succeed');
  await failWith(new DomainError('unrenderable', 'This text is too large.'));
  t.match(await findNewestImport(db, jane.id), {
    fault: 'posts.json, post 1, body: This text is too large.',
  });
});

t.test('images that cannot be imported are left out and counted', async (t) => {
  await forgetPosts();
  const { key } = await storeImage(app, susan.id);
  await storeImage(app, jane.id);
  const [missing, damaged] = ['m', 'd'].map((letter) => letter.repeat(22));
  const { key: deleted } = await storeImage(app, susan.id);
  const shown = new Map([[deleted, { width: 40, height: 30 }]]);
  await publishPost(app, susan.id, await app.markdown.post(`![](/images/${deleted})`, new Map(), shown));
  await removeImage(db, susan.id, deleted);
  const images = [key, missing, damaged, deleted].map((name) => ({
    file: `images/${name}.webp`,
    alternative_text: '',
  }));
  const body = `![](/images/${key}) and text`;
  const result = await importFile({
    'posts.json': [exportedPost({ body }), exportedPost({ body })],
    'images.json': images,
    [`images/${key}.webp`]: 'x',
    [`images/${damaged}.webp`]: 'x',
    [`images/${deleted}.webp`]: await plainImage(),
  });
  t.match(result, { state: 'done', imported: 1, skipped: 1, images: 0, imagesLeftOut: 4 });
  t.match(await pageText(), '4 images could not be imported');
  const [post] = await postsOfJane();
  t.notMatch(post?.body_html, '<img', 'a post shows nobody else’s images');
  const again = await importFile({ 'posts.json': [exportedPost({ body })] });
  t.match(again, { state: 'done', imported: 0, skipped: 1 }, 'a file can have nothing new');

  const send = () => Promise.reject(new Error('the connection is lost'));
  const image = { file: `images/${missing}.webp`, alternative_text: '' };
  await sendImport(
    client,
    await zip({ 'posts.json': [], 'images.json': [image], [image.file]: await plainImage() }),
  );
  const [job] = await jobsOf(app, importQueue, ['created']);
  const failing = { ...app, queue: { ...app.queue, send } };
  await t.rejects(runImport(failing, job?.data.importId ?? 0, OPTIONS), /connection is lost/);
  await drain(app);
  t.match(await findNewestImport(db, jane.id), { state: 'done', images: 1 }, 'the next attempt has it');
});

t.test('whoever may no longer write imports nothing more', async (t) => {
  await forgetPosts();
  const importId = await waitingImport(manyPosts(1));
  await sql`update users set silenced_until = now() + interval '1 day' where id = ${jane.id}`.execute(db);
  await drain(app);
  t.match(await findNewestImport(db, jane.id), {
    state: 'failed',
    fault: 'You may not publish posts at the moment.',
  });
  t.same(await postsOfJane(), []);
  t.equal((await sendImport(client, await zip({ 'posts.json': [] }))).statusCode, 403);
  await sql`update users set silenced_until = null`.execute(db);
  await runImport(app, importId, OPTIONS);
  t.same(await postsOfJane(), [], 'an ended import does not begin again');
  t.match(await findNewestImport(db, jane.id), { fault: 'You may not publish posts at the moment.' });
});

t.test('a suspension concurrent with an import leaves no imported post', async (t) => {
  await forgetPosts();
  const importId = await waitingImport(manyPosts(1));
  const suspension = await db.startTransaction().execute();
  await sql`update users set suspended_until = 'infinity' where id = ${jane.id}`.execute(suspension);
  const running = runImport(app, importId, OPTIONS);
  await waitForLock(db);
  await suspension.commit().execute();
  await running;
  t.match(await findNewestImport(db, jane.id), { state: 'failed', imported: 0 });
  t.same(await postsOfJane(), []);
  await sql`update users set suspended_until = null`.execute(db);
  await drain(app);
});

t.test('one import runs at a time, and one whose job is gone does not block the next', async (t) => {
  const importId = await waitingImport(manyPosts(1));
  const signal = AbortSignal.abort(new Error('the worker stops'));
  await t.rejects(runImport(app, importId, { ...OPTIONS, signal }), /the worker stops/);
  await db.updateTable('data_imports').set({ state: 'waiting' }).where('id', '=', importId).execute();
  t.equal((await sendImport(client, await zip({ 'posts.json': [] }))).statusCode, 303);
  t.same(messagesOf(await client.get('/your-data')), ['An import is already in progress.']);
  const unknown = requestImport(app, 2_147_483_647, Buffer.of(1));
  await t.rejects(unknown, /foreign key/, 'other errors are reported as they are');
  await assertEnqueued(t, app, importQueue, [{}]);
  const options = { signal: new AbortController().signal };
  await prune(db, options);
  t.match(await findNewestImport(db, jane.id), { state: 'waiting' });
  await sql`delete from pgboss.job where name = 'imports'`.execute(db);
  await prune(db, options);
  t.match(await pageText(), 'Your last import was stopped: Something went wrong on our side.');
});

t.test('a form without a file, or with one that is too big, says so', async (t) => {
  const page = await sendImport(client, Buffer.alloc(0));
  t.equal(page.statusCode, 422);
  t.match(page.body, '<p class="error" id="file-error">Choose a zip file.</p>');
  const tooBig = await sendImport(client, Buffer.alloc(10 * 2 ** 20 + 1));
  t.match(tooBig.body, 'This file is too big. Choose one of at most 10 MB.');
});
