import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import sharp from 'sharp';
import t from 'tap';
import { block } from '../../src/domain/blocks/block.ts';
import { bookmark } from '../../src/domain/bookmarks/bookmark.ts';
import { createDraft } from '../../src/domain/drafts/save.ts';
import { cancelExport, findNewestExport, requestExport } from '../../src/domain/exports/requests.ts';
import { writeExport } from '../../src/domain/exports/write.ts';
import { follow } from '../../src/domain/follows/follow.ts';
import { like } from '../../src/domain/likes/like.ts';
import { notify } from '../../src/domain/notifications/notify.ts';
import { deleteVersion } from '../../src/domain/posts/versions.ts';
import { updatePost } from '../../src/domain/posts/write.ts';
import { prune } from '../../src/domain/prune.ts';
import { subscribeAccount } from '../../src/domain/subscriptions/subscribe.ts';
import { followTag } from '../../src/domain/tags/follow.ts';
import { exportQueue, mailQueue } from '../../src/queues.ts';
import { issueTestToken } from '../support/api.ts';
import { buildSharedWithMail } from '../support/build.ts';
import { Client, messagesOf } from '../support/client.ts';
import { createUser, signedInClient, type TestUser } from '../support/factories.ts';
import { storeImage } from '../support/images.ts';
import { assertEnqueued, deadLettersOf, drain, jobsOf } from '../support/jobs.ts';
import { insertPasskey } from '../support/passkeys.ts';
import { upload } from '../support/pictures.ts';
import { start } from '../support/processes.ts';
import { linkIn } from '../support/smtp.ts';
import { addSubscribers } from '../support/subscriptions.ts';
import { unzip } from '../support/unzip.ts';
import { writeComments, writePosts, writeReply } from '../support/writing.ts';

/** The session of a client, as exported. */
const LOGGED_IN = { browser: 'lightMyRequest', address: '127.0.0.1', logged_in: /^20/, last_seen: /^20/ };

const PLAIN = { width: 9, height: 9, channels: 3, background: 'red' } as const;

const shared = await buildSharedWithMail(t);

async function setUp(emptied = shared) {
  const { app, smtp } = await emptied();
  const susan = await createUser(app, { username: 'susan' });
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  return { app, smtp, john, susan, client };
}

t.test('an export has everything a person wrote and nothing of anyone else', async (t) => {
  const { app, smtp, john, susan, client } = await setUp();
  const [postId = 0, editedId = 0, correctedId = 0] = await writePosts(app, john, 3);
  const [otherId = 0] = await writePosts(app, susan);
  for (const id of [editedId, correctedId, otherId])
    await updatePost(app, id, await app.markdown.post('Edited'), undefined);
  const actor = { id: john.id, role: 'User', isConfirmed: true, silencedUntil: null } as const;
  await deleteVersion(app.db, actor, { postId: correctedId, number: 1 });
  await app.db.updateTable('posts').set({ title: 'On tea' }).where('id', '=', correctedId).execute();
  await writeComments(app, john, otherId);
  await sql`
    insert into comments (post_id, author_id, body, body_html)
    select ${otherId}, ${john.id}, 'Again', 'Again' from generate_series(1, 100)
  `.execute(app.db);
  const [parentId = 0] = await writeComments(app, susan, postId);
  await writeReply(app, john, { postId, parentId });

  await block(app.db, { blockerId: john.id, blockedId: susan.id }, 'mute');
  await app.db.insertInto('data_exports').values({ user_id: susan.id, state: 'running' }).execute();

  t.equal((await client.post('/your-data')).headers.location, '/your-data');
  t.match((await client.get('/your-data')).body, 'Your export is queued.');
  await drain(app);

  const mail = smtp.mails.find(({ subject }) => subject === '[Pennypost] Your data export is ready');
  const download = await new Client(app).get(linkIn(mail));
  t.equal(download.headers['content-type'], 'application/zip');
  t.match(download.headers['content-disposition'], 'attachment');
  const files = await unzip(download.rawPayload);
  t.match(JSON.parse(files['profile.json'] ?? ''), { username: 'john', email: 'john@example.com' });
  t.match(JSON.parse(files['posts.json'] ?? ''), [
    { path: `/post/${postId}`, title: null, body: 'Post 1' },
    { title: null, body: 'Edited' },
  ]);
  t.match(JSON.parse(files['former-versions.json'] ?? ''), [
    { post_path: `/post/${editedId}`, title: null, body: 'Post 2', tags: [] },
  ]);
  const comments = JSON.parse(files['comments.json'] ?? '');
  t.match(comments[0], { post_path: `/post/${otherId}`, in_reply_to: null, body: 'Comment 1' });
  t.match(comments[101], {
    post_path: `/post/${postId}`,
    in_reply_to: `/comment/${parentId}`,
    body: 'Reply',
  });
  t.match(JSON.parse(files['muted-and-blocked.json'] ?? ''), [{ username: 'susan', kind: 'mute' }]);
  const counts = { posts: 3, 'former-versions': 1, comments: 102, 'muted-and-blocked': 1 };
  for (const [name, count] of Object.entries(counts))
    t.equal(JSON.parse(files[`${name}.json`] ?? '').length, count, name);
  t.match(files['posts.md'], /^# Posts\n\n## Post \d+, 20[^\n]+\n\nPost 1\n\n## Post \d+.*## On tea, 20/s);
  t.match(files['comments.md'], /^# Comments\n\n## On post \d+/);

  t.match((await client.get('/your-data')).body, /Download [1-9]\d* kB/);
  t.same((await client.get('/your-data/download')).rawPayload, download.rawPayload);
  t.equal((await (await signedInClient(app, susan)).get('/your-data/download')).statusCode, 404);
  const exports = app.db.selectFrom('data_exports').select(['state', 'done', 'total']).orderBy('user_id');
  t.same(await exports.execute(), [
    { state: 'running', done: 0, total: 0 },
    { state: 'ready', done: 210, total: 210 },
  ]);
});

/** What the export has of each table that refers to a person, or why it has nothing. */
const EXPORTED: Readonly<Record<string, string>> = {
  'posts.author_id': 'posts.json',
  'post_versions.writer_id': 'former-versions.json',
  'post_versions.replacer_id': 'the same',
  'comments.author_id': 'comments.json',
  'drafts.author_id': 'drafts.json',
  'follows.follower_id': 'following.json',
  'follows.followed_id': 'followers.json',
  'likes.user_id': 'likes.json',
  'bookmarks.user_id': 'bookmarks.json',
  'sessions.user_id': 'sessions.json',
  'api_tokens.user_id': 'api-tokens.json',
  'blocks.blocker_id': 'muted-and-blocked.json',
  'tag_follows.user_id': 'followed-tags.json',
  'security_events.user_id': 'activity.json',
  'pictures.user_id': 'picture.webp',
  'images.owner_id': 'images.json',
  'blocks.blocked_id': 'nobody is told that they are muted or blocked',
  'security_events.actor_id': 'what they did to others is about the others',
  'subscriptions.author_id': 'addresses of others, whom an author does not see',
  'mentions.user_id': 'what others wrote, where everyone can read it',
  'reports.person_id': 'what others wrote about them to the moderators',
  'reports.reporter_id': 'gone as soon as a moderator has decided',
  'known_browsers.user_id': 'only hashes',
  'recovery_codes.user_id': 'only hashes',
  'passkeys.user_id': 'passkeys.json',
  'pending_log_ins.user_id': 'gone after ten minutes',
  'applications.user_id': 'gone as soon as they may export',
  'invitations.inviter_id': 'in activity.json',
  'invited_people.user_id': 'who has invited them is for Administrators',
  'mailed_tokens.user_id': 'only hashes of links that still work',
  'email_changes.user_id': 'gone after 8 days, and in activity.json',
  'mail_deliveries.user_id': 'only that mails were sent which they have',
  'digests.user_id': 'the same',
  'notification_mails.user_id': 'the same',
  'notifications.recipient_id': 'notifications.json',
  'notifications.actor_id': 'what they did to others is about the others',
  'data_exports.user_id': 'in activity.json',
  'data_imports.user_id': 'in activity.json, and gone after 7 days',
  'idempotency_keys.user_id': 'gone after a day',
  'picture_uploads.user_id': 'gone as soon as there is a picture',
};

t.test('an export has the data of every table that refers to a person', async (t) => {
  const { app, john, susan, client } = await setUp();
  await giveMallorys(app, susan);
  await follow(app, john.id, susan.id);
  await follow(app, susan.id, john.id);
  await issueTestToken(app, john, { name: 'a program', scope: 'read' });
  await createDraft(app.db, john.id, { title: '', body: 'Soon', tags: 'tea' });
  await client.post('/edit-profile/mails', {
    digest: 'y',
    ...{ comment_mails: 'never', reply_mails: 'daily', mention_mails: 'daily', follow_mails: 'never' },
  });
  await addSubscribers(app, john.id);
  await subscribeAccount(app.db, susan.id, john.id);
  await sql`
    with written as (
      insert into posts (author_id, body, body_html) select ${susan.id}::int, 'x', 'x' from generate_series(1, 101) returning id
    )
    insert into likes (user_id, post_id) select ${john.id}::int, id from written order by id
  `.execute(app.db);
  await upload(client, await sharp({ create: PLAIN }).png().toBuffer());
  const { id: imageId, key } = await storeImage(app, john.id);
  await drain(app);
  const content = randomBytes(2.5 * 2 ** 20);
  await sql`insert into image_files values (${imageId}, 10, 'smaller')`.execute(app.db);
  await sql`update image_files set width = 1920 where image_id <> ${imageId}`.execute(app.db);
  await sql`update image_files set content = ${content} where image_id = ${imageId} and width > 10`.execute(
    app.db,
  );
  const unfinished = { owner_id: john.id, alt: '', width: 1, height: 1, size: 1 };
  await app.db
    .insertInto('images')
    .values([
      { ...unfinished, key: 'u'.repeat(22), upload: Buffer.of(1) },
      { ...unfinished, key: 'f'.repeat(22), fault: 'unreadable' },
      { ...unfinished, key: 'd'.repeat(22) }, // As if it were deleted after it was listed.
    ])
    .execute();
  await sql`
    insert into security_events (user_id, kind) select ${john.id}, 'confirmed' from generate_series(1, 60)
  `.execute(app.db);
  await client.post('/your-data');
  await drain(app);
  const files = await unzip((await client.get('/your-data/download')).rawPayload);
  const json = (name: string) => JSON.parse(files[name] ?? '');

  const { rows } = await sql<{ reference: string }>`
    select conrelid::regclass || '.' || attname as reference
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any(conkey)
    where confrelid = 'users'::regclass
  `.execute(app.db);
  for (const { reference } of rows) t.ok(EXPORTED[reference], `${reference} is exported, or it says why not`);
  for (const name of Object.values(EXPORTED).filter((value) => /^[a-z-]+\.\w+$/.test(value)))
    t.ok(files[name], name);

  t.match(json('profile.json'), { email_notifications: { comments: 'never', weekly_digest: true } });
  t.match(json('drafts.json'), [{ title: '', body: 'Soon', tags: 'tea' }]);
  t.match(json('following.json'), [{ username: 'susan', since: /^20/ }]);
  t.match(json('followers.json'), [{ username: 'susan', since: /^20/ }]);
  t.same(json('bookmarks.json'), []);
  const liked = json('likes.json').map(({ post_path: path }: { post_path: string }) => Number(path.slice(6)));
  t.equal(liked.length, 101);
  t.same(
    liked,
    liked.toSorted((a: number, b: number) => b - a),
    'newest first',
  );
  t.match(json('subscriptions.json'), [{ username: 'susan', since: /^20/ }]);
  t.match(json('notifications.json'), [{ kind: 'follow', by: 'susan', is_read: false }]);
  t.match(json('sessions.json'), [{ browser: '' }, LOGGED_IN]);
  t.match(json('api-tokens.json'), [{ name: 'a program', scope: 'read', last_used: null }]);
  const kinds = json('activity.json').map(({ kind }: { kind: string }) => kind);
  t.same(kinds.sort(), [...Array(60).fill('confirmed'), 'export-made', 'logged-in', 'token-made']);
  t.match(files['picture.webp'], /^RIFF/);
  t.match(json('images.json'), [{ file: `images/${key}.webp`, alternative_text: 'A cat' }]);
  t.equal(json('images.json').length, 2, 'only those that have files');
  t.equal(files[`images/${'d'.repeat(22)}.webp`], '');
  t.ok(
    files[`images/${key}.webp`] === String(content),
    'its largest file, which takes several chunks, is complete',
  );
  const short = sql`select from data_export_chunks where length(content) < ${2 ** 20}`;
  t.equal((await short.execute(app.db)).rows.length, 1, 'only the last chunk has less than a megabyte');
  t.notMatch(Object.values(files).join(''), /susan@example\.com|reader1@|password|mallory/i);
});

/** Gives a person one of everything that an export lists, each recognisable by the name Mallory. */
async function giveMallorys(app: FastifyInstance, person: TestUser): Promise<void> {
  const { id } = person;
  const mallory = await createUser(app, { username: 'mallory' });
  const [postId = 0] = await writePosts(app, mallory);
  await app.db.updateTable('posts').set({ title: 'Mallory' }).where('id', '=', postId).execute();
  await like(app, { userId: id, postId });
  await bookmark(app.db, { userId: id, postId });
  await follow(app, id, mallory.id);
  await follow(app, mallory.id, id);
  await notify(app, { about: 'follow', followerId: mallory.id, followedId: id });
  await block(app.db, { blockerId: id, blockedId: mallory.id }, 'mute');
  await subscribeAccount(app.db, mallory.id, id);
  await followTag(app.db, id, 'mallory');
  await createDraft(app.db, id, { title: 'Mallory', body: '', tags: '' });
  await storeImage(app, id, 'Mallory');
  const picture = { hash: '', small: Buffer.from('Mallory'), large: Buffer.from('Mallory') };
  await app.db
    .insertInto('pictures')
    .values({ user_id: id, ...picture })
    .execute();
  await issueTestToken(app, person, { name: 'Mallory', scope: 'read' });
  await insertPasskey(app, person);
  await sql`update passkeys set name = 'Mallory'`.execute(app.db);
  await sql`update sessions set user_agent = 'Mallory' where user_id = ${id}`.execute(app.db);
}

t.test('a person who wrote nothing gets a valid, empty export', async (t) => {
  const { app, client } = await setUp();
  await client.post('/your-data');
  await drain(app);
  const files = await unzip((await client.get('/your-data/download')).rawPayload);
  t.same(JSON.parse(files['posts.json'] ?? ''), []);
  t.equal(files['posts.md'], '# Posts\n');
});

t.test('only one export runs at a time, even after two simultaneous clicks', async (t) => {
  const { app, client } = await setUp();
  await Promise.all([client.post('/your-data'), client.post('/your-data')]);
  t.same(messagesOf(await client.get('/your-data')), ['An export is already in progress.']);
  await t.rejects(requestExport(app, 2_147_483_647), /foreign key/, 'other errors are reported as they are');
  t.equal((await jobsOf(app, exportQueue)).length, 1);
});

t.test('a new export replaces the previous one, and three a day are allowed', async (t) => {
  const { app, smtp, susan, client } = await setUp(await buildSharedWithMail(t)); // Because it uses up the limit.
  const { id: hers } = await app.db
    .insertInto('data_exports')
    .values({ user_id: susan.id, state: 'ready', ended_at: new Date() })
    .returning('id')
    .executeTakeFirstOrThrow();
  const chunk = { export_id: hers, position: 0, content: Buffer.of(1) };
  await app.db.insertInto('data_export_chunks').values(chunk).execute();
  for (let number = 1; number <= 3; number += 1) {
    t.equal((await client.post('/your-data')).statusCode, 303);
    await drain(app);
    const { rows } = await sql`select distinct export_id from data_export_chunks`.execute(app.db);
    t.equal(rows.length, 2, 'susan’s and the new one');
  }
  const links = smtp.mails.map(linkIn);
  t.equal((await client.get(links[0] ?? '')).statusCode, 404);
  t.equal((await client.get(links[2] ?? '')).statusCode, 200);
  t.match((await client.get('/your-data')).body, 'Limit: 3 exports per 24 h.');

  const refused = await client.post('/your-data');
  t.equal(refused.statusCode, 429);
  t.ok(Number(refused.headers['retry-after']) > 80_000);
  t.ok(await unzip((await client.get('/your-data/download')).rawPayload), 'the last one is kept');
});

t.test('the mail about an export that a newer one has replaced is dropped', async (t) => {
  const { app, smtp, client } = await setUp();
  for (let number = 1; number <= 2; number += 1) {
    await client.post('/your-data');
    const exportId = (await jobsOf(app, exportQueue)).at(-1)?.data.exportId ?? 0;
    await writeExport(app, exportId, { signal: new AbortController().signal });
  }
  await drain(app);
  t.same(
    smtp.mails.map(({ subject }) => subject),
    ['[Pennypost] Your data export is ready'],
  );
  t.same(await jobsOf(app, mailQueue), [], 'nothing is retried');
  t.same(await deadLettersOf(app, mailQueue), []);
});

t.test('the page shows the progress, and a running export can be cancelled', async (t) => {
  const { app, john, client } = await setUp();
  await sql`
    insert into posts (author_id, body, body_html)
    select ${john.id}, 'Post ' || n, '<p>Post</p>' from generate_series(1, 500) as n
  `.execute(app.db);
  await client.post('/your-data');
  const [job] = await jobsOf(app, exportQueue);
  const exportId = job?.data.exportId ?? 0;
  const seen: string[] = [];
  const told: number[] = [];
  let isWriting = true;
  const options = { signal: new AbortController().signal, progress: (done: number) => told.push(done) };
  const writing = writeExport(app, exportId, options).finally(() => {
    isWriting = false;
  });
  while (isWriting && seen.length < 2) {
    const percent = /(\d+)%/.exec((await client.get('/your-data')).body)?.[1];
    if (percent !== undefined && percent !== '0' && !seen.includes(percent)) seen.push(percent);
  }
  await sql`insert into data_export_chunks values (${exportId}, 99, 'half')`.execute(app.db);
  t.same(messagesOf(await client.follow(await client.post('/your-data/cancel'))), [
    'Your export has been cancelled.',
  ]);
  t.equal(seen.length, 2);
  await writing;
  t.same(told.slice(0, 2), [100, 200]);
  const { rows } = await sql`select from data_export_chunks`.execute(app.db);
  t.equal(rows.length, 0, 'nothing is left of it');
  t.match((await client.get('/your-data')).body, 'Export my data');
  t.equal((await client.get('/your-data/download')).statusCode, 404);
});

t.test('an export cancelled while queued is not written', async (t) => {
  const { app, smtp, john, susan, client } = await setUp();
  await app.db.insertInto('data_exports').values({ user_id: susan.id }).execute();
  await client.post('/your-data');
  t.ok(await cancelExport(app.db, john.id));
  t.notOk(await cancelExport(app.db, john.id));
  t.ok(await cancelExport(app.db, susan.id), 'hers was still in progress');
  t.match(await findNewestExport(app.db, john.id), { state: 'cancelled', endedAt: Date });
  await drain(app);
  t.same(smtp.mails, []);
  t.same(await jobsOf(app, exportQueue), [], 'its job is done');
});

t.test('an interrupted attempt does not affect the next one', async (t) => {
  const { app, client } = await setUp();
  await client.post('/your-data');
  const exportId = (await jobsOf(app, exportQueue))[0]?.data.exportId ?? 0;
  const signal = AbortSignal.abort(new Error('the worker stops'));
  await t.rejects(writeExport(app, exportId, { signal }), { message: 'the worker stops' });
  await sql`update data_exports set done = 7`.execute(app.db);
  await sql`insert into data_export_chunks select id, 0, 'half' from data_exports`.execute(app.db);
  await drain(app);
  t.ok(await unzip((await client.get('/your-data/download')).rawPayload));
});

t.test('a link is valid for seven days, and only for its own export', async (t) => {
  const { app, smtp, client } = await setUp();
  await client.post('/your-data');
  await drain(app);
  const path = linkIn(smtp.mails[0]);
  const visitor = new Client(app);
  const { rows } = await sql<{ days: number }>`
    select round(extract(epoch from expires_at - now()) / 86400)::int as days from mailed_tokens
  `.execute(app.db);
  t.same(rows, [{ days: 7 }]);
  await sql`update mailed_tokens set expires_at = now()`.execute(app.db);
  t.equal((await visitor.get(path)).statusCode, 404);
  t.equal((await visitor.get(`/your-data/${'x'.repeat(43)}`)).statusCode, 404);
  t.equal((await client.get('/your-data/download')).statusCode, 200);
  await sql`update data_exports set ended_at = now() - interval '7 days'`.execute(app.db);
  t.equal((await client.get('/your-data/download')).statusCode, 404);
  t.match((await visitor.get('/your-data')).headers.location, /^\/auth\/login/);
});

t.test('a worker exports twenty megabytes of posts with a fraction of that memory', async (t) => {
  const { app, john, client } = await setUp();
  await sql`
    insert into posts (author_id, body, body_html)
    select ${john.id}, repeat('All work and no play. ', 500) || n, '' from generate_series(1, 2000) as n
  `.execute(app.db);
  await client.post('/your-data');
  const env = { DATABASE_URL: app.config.databaseUrl ?? '', SMTP_URL: app.config.smtpUrl ?? '' };
  const worker = start(t, ['src/worker.ts'], { ...env, NODE_OPTIONS: '--max-old-space-size=64' });
  await worker.prints(/"queue":"exports",[^\n]*"msg":"job completed"/);

  const files = await unzip((await client.get('/your-data/download')).rawPayload);
  const posts: unknown[] = JSON.parse(files['posts.json'] ?? '');
  t.equal(posts.length, 2_000, 'twenty megabytes of text, twice');
});

t.test('an export whose job is gone does not block the next one', async (t) => {
  const { app, client } = await setUp();
  await client.post('/your-data');
  await prune(app.db, { signal: new AbortController().signal });
  await assertEnqueued(t, app, exportQueue, [{}]);
  await sql`update pgboss.job set data = '{"exportId": 0}' where name = 'exports'`.execute(app.db); // Another's.
  await prune(app.db, { signal: new AbortController().signal });
  t.match((await client.get('/your-data')).body, 'Your last export failed.');
  t.match((await client.follow(await client.post('/your-data'))).body, 'Your export is queued.');
  t.equal((await jobsOf(app, exportQueue)).length, 2);
});
