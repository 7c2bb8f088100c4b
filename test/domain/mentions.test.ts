import fc from 'fast-check';
import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../src/domain/blocks/block.ts';
import { updateComment } from '../../src/domain/comments/edit.ts';
import { publishComment } from '../../src/domain/comments/write.ts';
import { follow } from '../../src/domain/follows/follow.ts';
import { enqueueRendering } from '../../src/domain/markdown/render-again.ts';
import { recordMentions } from '../../src/domain/mentions/record.ts';
import { renderText, type TextId } from '../../src/domain/mentions/render.ts';
import { completeNames } from '../../src/domain/people/complete.ts';
import { publishPost, updatePost } from '../../src/domain/posts/write.ts';
import { notifyQueue } from '../../src/queues.ts';
import { ApiProgram } from '../support/api.ts';
import { buildShared } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { assertEnqueued, drain, jobsOf } from '../support/jobs.ts';
import { writeComments, writePosts } from '../support/writing.ts';

const emptied = await buildShared(t);

async function setUp() {
  const app = await emptied();
  const [john, susan, ann] = [
    await createUser(app),
    await createUser(app, { username: 'Susan' }),
    await createUser(app, { username: 'ann' }),
  ];
  const rename = (id: number, username: string) =>
    app.db.updateTable('users').set({ username }).where('id', '=', id).execute();
  const mentions = () =>
    app.db
      .selectFrom('mentions')
      .select(['name', 'user_id', 'post_id', 'comment_id'])
      .orderBy('id')
      .execute();
  return { app, db: app.db, john, susan, ann, rename, mentions };
}

const linkTo = ({ id }: { id: number }, name: string) =>
  `<a class="mention" href="/user/by-id/${id}">@${name}</a>`;

t.test(
  'people mentioned in a post or a comment are linked and recorded, on pages and in the API',
  async (t) => {
    const { app, john, susan, ann, mentions } = await setUp();
    await createUser(app, { username: 'stranger', isConfirmed: false });
    const client = await signedInClient(app, john);
    const program = await ApiProgram.of(app, john);
    const body = 'Ask @SUSAN, @nobody, @stranger or `@ann`. #tea';
    await client.post('/', { body });
    await client.post('/post/1', { body });
    await program.post('/posts/', { body });
    await program.post('/posts/1/comments/', { body, parent_url: '/api/v1/comments/1' });
    const own = { user_id: susan.id, name: 'susan' };
    t.match(await mentions(), [
      { ...own, post_id: 1, comment_id: null },
      { ...own, post_id: null, comment_id: 1 },
      { ...own, post_id: 2 },
      { ...own, comment_id: 2 },
    ]);
    const page = (await client.get('/post/1')).body;
    t.equal(page.split(linkTo(susan, 'SUSAN')).length, 4, 'in the post and both comments');
    t.match(page, '@nobody, @stranger or');
    t.equal(page.split('<a class="tag"').length, 2, 'a tag in the post, but not in the comments');
    const { items } = (await client.get('/post/1/feed.json')).json();
    t.match(items[0].content_html, `href="${app.config.baseUrl}/user/by-id/${susan.id}"`);
    t.match((await client.post('/', { body: '@ann', preview: 'y' })).body, linkTo(ann, 'ann'));

    const changed = 'Ask @ann or @susan.';
    await client.post('/edit/1', { body: changed });
    await client.post('/comment/1/edit', { body: changed });
    await program.put('/posts/2', { body: 'Ask nobody.' });
    await program.put('/comments/2', { body: changed });
    const now = (await mentions()).map(({ name, post_id, comment_id }) => `${name} ${post_id} ${comment_id}`);
    t.same(now.sort(), [
      'ann 1 null',
      'ann null 1',
      'ann null 2',
      'susan 1 null',
      'susan null 1',
      'susan null 2',
    ]);
  },
);

t.test('a mention means the same person after names have changed', async (t) => {
  const { app, db, john, susan, ann, rename } = await setUp();
  const client = await signedInClient(app, john);
  await client.post('/', { body: 'Hello @susan' });
  await rename(susan.id, 'sue');
  await rename(ann.id, 'susan');
  const visitor = new Client(app);
  t.match((await visitor.get('/')).body, linkTo(susan, 'susan'));
  const link = await visitor.get(`/user/by-id/${susan.id}`);
  t.equal(link.statusCode, 302);
  t.equal(link.headers.location, '/user/sue');
  for (const id of ['0', '99', 'x']) t.equal((await visitor.get(`/user/by-id/${id}`)).statusCode, 404, id);

  await client.post('/edit/1', { body: 'Hello again, @susan and @sue' });
  const page = (await visitor.get('/')).body;
  t.match(page, linkTo(susan, 'susan'), 'the text’s own meaning comes first');
  t.match(page, linkTo(susan, 'sue'));
  t.equal((await db.selectFrom('mentions').select('id').execute()).length, 2);
  await client.post('/', { body: 'Hello @susan' });
  t.match((await visitor.get('/post/2')).body, linkTo(ann, 'susan'), 'a new text means who is called so now');

  await db.updateTable('posts').set({ body_html: 'old', renderer: 0 }).execute();
  await enqueueRendering(app);
  await drain(app);
  t.match((await visitor.get('/post/1')).body, linkTo(susan, 'susan'), 'even when it is rendered again');
  t.match((await visitor.get('/post/2')).body, linkTo(ann, 'susan'));
});

t.test('nobody can mention somebody who has blocked them', async (t) => {
  const { app, john, susan, rename } = await setUp();
  const client = await signedInClient(app, john);
  await client.post('/', { body: 'Hello @susan' });
  await block(app.db, { blockerId: susan.id, blockedId: john.id }, 'block');
  await client.post('/', { body: 'Hello @susan' });
  t.notMatch((await client.get('/post/2')).body, 'class="mention"');
  await rename(susan.id, 'sue');
  await createUser(app, { username: 'susan', email: 'other@example.com' });
  await client.post('/edit/1', { body: 'You, @susan!' });
  t.notMatch((await client.get('/post/1')).body, 'class="mention"', 'nor links to who has the name now');
  t.same(await app.db.selectFrom('mentions').selectAll().execute(), []);
});

t.test('a job notifies the people that a text mentions, and after an edit only the new ones', async (t) => {
  const { app, john, ann, rename } = await setUp();
  const render = (body: string, replaces?: TextId) =>
    renderText(app, { kind: 'comment', body, writerId: john.id, ...(replaces && { replaces }) });
  const enqueued = async () => (await jobsOf(app, notifyQueue)).length;
  const { id: quiet } = await publishPost(app, john.id, await render('Hello'));
  t.equal(await enqueued(), 0);
  const post = await publishPost(app, john.id, await render('@susan @ann @susan'));
  await updatePost(app, quiet, await render('@susan', { postId: quiet }), undefined);
  await updatePost(app, quiet, await render('@susan!', { postId: quiet }), undefined);
  await assertEnqueued(t, app, notifyQueue, [
    { about: 'post', postId: post.id },
    { about: 'post', postId: quiet },
  ]);

  const comment = { postId: post.id, authorId: john.id, text: await render('@susan') };
  const { id } = await publishComment(app, comment);
  const actor = { id: john.id, role: 'User', isConfirmed: true, silencedUntil: null } as const;
  const edit = async (body: string) => {
    const before = await enqueued();
    const text = await render(body, { commentId: id });
    await updateComment(app, actor, { id, text, versions: undefined });
    return (await enqueued()) - before;
  };
  t.equal(await edit('@susan, again'), 0);
  t.equal(await edit('@susan and @ann'), 1);
  await rename(ann.id, 'anna');
  t.equal(await edit('@anna'), 0, 'the same person by another name');
  t.equal(await edit('Nobody'), 0);
});

t.test('somebody who is deleted in the meantime is not recorded', async (t) => {
  const { app, db, susan } = await setUp();
  const [postId = 0] = await writePosts(app, susan);
  const text = { names: new Map([['ann', 2_000_000_000]]) };
  await recordMentions(db, { postId }, text);
  t.same(await db.selectFrom('mentions').select('id').execute(), []);
});

t.test('hostile texts mention only people who exist, at most twenty', async (t) => {
  const { app, db, john } = await setUp();
  const [postId = 0] = await writePosts(app, john);
  const known = new Map(
    (await db.selectFrom('users').select(['id', 'username']).execute()).map((row) => [row.id, row]),
  );
  const piece = fc.oneof(
    fc.constantFrom(
      '@john',
      '@SUSAN',
      '@ann.',
      '@ann..',
      'x@ann',
      '@ann@susan',
      '\\@ann',
      '`@ann`',
      '[@ann](/x)',
    ),
    fc.constantFrom(
      ' ',
      '\n',
      '*',
      '<',
      '&#64;ann',
      '@',
      '@@',
      '_',
      "@ann'; drop table users; --",
      '@%00',
      '\u202e',
    ),
    fc.string({ unit: 'grapheme', maxLength: 10 }),
    fc.constant(Array.from({ length: 40 }, (_, number) => `@n${number} `).join('')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const body = `x${pieces.join('')}`.replaceAll('\0', '').toWellFormed();
      const draft = { kind: 'comment', body, writerId: john.id, replaces: { postId } } as const;
      const text = await renderText(app, draft);
      await updatePost(app, postId, text, undefined);
      const links = [...text.html.matchAll(/<a class="mention" href="\/user\/by-id\/(\d+)">@([^<]*)<\/a>/g)];
      const rows = await db.selectFrom('mentions').select(['name', 'user_id']).execute();
      t.ok(rows.length <= 20);
      t.same(new Set(links.map(([, id]) => Number(id))), new Set(rows.map((row) => row.user_id)), body);
      for (const [, id, name] of links)
        t.equal(known.get(Number(id))?.username.toLowerCase(), name?.toLowerCase());
    }),
    { numRuns: 60 },
  );
});

t.test(
  'names are completed while typing: first commenters on the post, then people one follows',
  async (t) => {
    const { app, db, john, susan } = await setUp();
    const people = new Map<string, { id: number }>();
    for (const name of ['sam', 'sam_1', 'sam.2', 'samuel', 'sandy', 'sara', 'sally', 'sid', 'sol', 'sun'])
      people.set(name, await createUser(app, { username: name }));
    await createUser(app, { username: 'saint', isConfirmed: false });
    const [safe, sage] = [
      await createUser(app, { username: 'safe' }),
      await createUser(app, { username: 'sage' }),
    ];
    await sql`update users set deletion_due_at = now() where id = ${safe.id}`.execute(db);
    await sql`update users set suspended_until = now() + interval '1 day' where id = ${sage.id}`.execute(db);
    const [postId = 0] = await writePosts(app, susan);
    await writeComments(app, people.get('sun') ?? john, postId);
    await follow(app, john.id, people.get('sol')?.id ?? 0);
    await block(db, { blockerId: john.id, blockedId: people.get('sid')?.id ?? 0 }, 'mute');
    const complete = async (beginning: string, post?: number) =>
      (await completeNames(db, beginning, { readerId: john.id, postId: post })).map(
        ({ username }) => username,
      );
    t.same(await complete('S', postId), ['sun', 'Susan', 'sol', 'sally', 'sam', 'sam.2', 'sam_1', 'samuel']);
    t.same(await complete('sam_'), ['sam_1']);
    t.same(await complete('sa'), ['sally', 'sam', 'sam.2', 'sam_1', 'samuel', 'sandy', 'sara']);
    t.same(await complete('joh'), [], 'not oneself');

    const client = await signedInClient(app, john);
    const answer = await client.get(`/people/complete?q=su&post=${postId}`);
    t.same(answer.json(), {
      people: [
        { username: 'sun', name: '' },
        { username: 'Susan', name: '' },
      ],
    });
    t.equal(answer.headers['cache-control'], 'private, no-store');
    for (const query of ['', '?q=', '?q=%25', '?q=s&q=t', '?q=s&post=x'])
      t.equal((await client.get(`/people/complete${query}`)).statusCode, 404, query);
    t.equal((await new Client(app).get('/people/complete?q=s')).statusCode, 303);
  },
);
