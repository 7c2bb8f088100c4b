import t from 'tap';
import { block } from '../../../src/domain/blocks/block.ts';
import { follow } from '../../../src/domain/follows/follow.ts';
import { publishPost, setPostDisabled, updatePost } from '../../../src/domain/posts/write.ts';
import { followsTag, followTag, MAX_FOLLOWED_TAGS } from '../../../src/domain/tags/follow.ts';
import { ApiProgram } from '../../support/api.ts';
import { buildShared } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { waitForLock } from '../../support/locks.ts';

/** The first lines of a page's posts, in order. */
const postsOf = ({ body }: { body: string }) =>
  [...body.matchAll(/<div class="prose"><p>(\w+)/g)].map(([, text]) => text);

const emptied = await buildShared(t, { POSTS_PER_PAGE: '2', BASE_URL: 'https://blog.example' });

async function setUp() {
  const app = await emptied();
  const john = await createUser(app);
  const susan = await createUser(app, { username: 'susan' });
  const write = async (body: string, addedTags: string[] = [], by = john) =>
    publishPost(app, by.id, { ...(await app.markdown.post(body)), addedTags });
  return { app, john, susan, write, visitor: new Client(app) };
}

t.test('a post has the tags of the field and of the text', async (t) => {
  const { app, john, visitor } = await setUp();
  const author = await signedInClient(app, john);
  const post = { body: 'On #Bread and #tea', tags: 'butter, #bread' };
  t.equal((await author.post('/', post)).statusCode, 303);
  for (const tag of ['bread', 'tea', 'butter'])
    t.same(postsOf(await visitor.get(`/tag/${tag}`)), ['On'], tag);
  const page = await visitor.get('/post/1');
  t.match(page.body, '<li><a class="tag" href="/tag/butter">#butter</a></li>');
  t.notMatch(page.body, '<li><a class="tag" href="/tag/bread">', 'the text has it');
  t.match((await author.get('/edit/1')).body, 'name="tags" type="text" value="butter"');

  await author.post('/edit/1', { body: 'On tea', tags: 'butter cheese' });
  t.same(postsOf(await visitor.get('/tag/bread')), []);
  t.same(postsOf(await visitor.get('/tag/cheese')), ['On']);
  const refused = await author.post('/edit/1', { body: 'On tea', tags: 'c++' });
  t.equal(refused.statusCode, 422);
  t.match(errorsOf(refused).tags, '“c++” cannot be a tag.');
  t.match(refused.body, 'value="c++"');

  await author.post('/post/1/delete');
  t.same(await app.db.selectFrom('post_tags').selectAll().execute(), []);
});

t.test('a tag has pages, feeds and a list in the API, without hidden posts', async (t) => {
  const { app, john, susan, write, visitor } = await setUp();
  for (const body of ['One', 'Two', 'Three', 'Four']) await write(body, ['bread']);
  await write('Other', ['butter']);
  await setPostDisabled(app.db, 3, true);

  const first = await visitor.get('/tag/bread');
  t.same(postsOf(first), ['Four', 'Two']);
  t.match(first.body, '<h1 dir="auto">#bread</h1>');
  t.match(first.body, '<link rel="canonical" href="https://blog.example/tag/bread">');
  t.match(first.body, 'href="/tag/bread.atom"');
  t.same(postsOf(await visitor.get(String(/rel="next" href="([^"]+)"/.exec(first.body)?.[1]))), ['One']);
  const feed = (await visitor.get('/tag/Bread.json')).json();
  t.match(feed, { title: '#bread on Pennypost', feed_url: 'https://blog.example/tag/bread.json' });
  t.match(feed.items, [{ tags: ['bread'] }, {}, {}]);
  t.match((await visitor.get('/tag/bread.atom')).body, '<category term="bread"/>');

  t.equal((await visitor.get('/tag/%23Bread?page=2')).headers.location, '/tag/bread?page=2');
  t.match((await visitor.get('/tag/nothing')).body, 'No posts have this tag yet.');
  t.match((await visitor.get('/tag/nothing')).body, 'noindex');
  for (const path of ['/tag/c++', '/tag/2026', '/tag/bread?before=1', '/tag/a%00b'])
    t.equal((await visitor.get(path)).statusCode, 404, path);

  await setPostDisabled(app.db, 3, false);
  const program = await ApiProgram.of(app, susan);
  const page = (await program.get('/tags/BREAD/posts/')).json();
  t.match(page, { count: 4, next: /^\/api\/v1\/tags\/bread\/posts\/\?before=\d{16}$/ });
  t.match(page.posts, [{ body: 'Four', tags: ['bread'] }, { body: 'Three' }]);
  await block(app.db, { blockerId: susan.id, blockedId: john.id }, 'mute');
  t.same(postsOf(await (await signedInClient(app, susan)).get('/tag/bread')), []);
});

t.test(
  'the Followed tab has each post with a followed tag once, without those of muted people',
  async (t) => {
    const { app, john, susan, write } = await setUp();
    const tom = await createUser(app, { username: 'tom' });
    const reader = await signedInClient(app, tom);
    await follow(app, tom.id, susan.id);
    await write('One', ['bread', 'butter']);
    await write('Two', ['bread'], susan);
    await write('Three');
    await write('Four', ['butter']);
    await write('Five', ['butter'], tom);
    await reader.get('/followed');
    const all = async () => {
      const seen = [];
      for (let url: string | undefined = '/'; url !== undefined; ) {
        const page = await reader.get(url);
        seen.push(...postsOf(page));
        url = /rel="next" href="([^"]+)"/.exec(page.body)?.[1];
      }
      return seen;
    };
    t.same(await all(), ['Five', 'Two']);
    const followed = await reader.follow(await reader.post('/tag/bread/follow'));
    t.same(messagesOf(followed), ['You are now following #bread.']);
    t.match(followed.body, 'action="/tag/bread/unfollow"');
    await reader.post('/tag/Butter/follow');
    t.same(await all(), ['Five', 'Four', 'Two', 'One']);
    t.same(postsOf(await reader.get('/?page=2')), ['Two', 'One']);
    const first = app.db.selectFrom('posts').select('position').orderBy('position');
    const { position } = await first.executeTakeFirstOrThrow();
    t.same(postsOf(await reader.get(`/?after=${position}`)), ['Four', 'Two']);
    await followTag(app.db, tom.id, 'ale');
    const list = (await reader.get('/followed-tags')).body;
    t.match(list, '<a href="/tag/bread">#bread</a>');
    t.match(list, /#ale<.*#bread<.*#butter</s);
    await block(app.db, { blockerId: tom.id, blockedId: john.id }, 'mute');
    t.same(await all(), ['Five', 'Two']);
    await followTag(app.db, john.id, 'bread');
    t.same(messagesOf(await reader.follow(await reader.post('/tag/bread/unfollow'))), [
      'You no longer follow #bread.',
    ]);
    t.notMatch((await reader.get('/followed-tags')).body, '#bread');
    t.match((await reader.get('/followed-tags')).body, '#butter');
    t.ok(await followsTag(app.db, john.id, 'bread'), 'but others do');
    t.notOk(await followsTag(app.db, tom.id, 'bread'));
  },
);

t.test('tags are written, changed and followed within limits', async (t) => {
  const { app, john, susan, write, visitor } = await setUp();

  await t.test('the API writes tags', async (t) => {
    const program = await ApiProgram.of(app, john);
    const written = await program.post('/posts/', { body: 'On #tea', tags: ['#Bread', 'tea'] });
    t.same(written.json().tags, ['bread', 'tea']);
    const { url } = written.json();
    t.same((await program.put(url, { body: 'On #milk' })).json().tags, ['bread', 'milk']);
    t.same((await program.put(url, { body: 'On milk', tags: [] })).json().tags, []);
    for (const tags of [['c++'], ['a b'], 'bread', Array(11).fill('bread')])
      t.equal((await program.post('/posts/', { body: 'x', tags })).statusCode, 400, String(tags));
    t.equal((await program.post('/posts/', { body: 'x', tags: ['2026'] })).statusCode, 422);
  });

  await t.test('nobody follows more than a hundred tags, even with simultaneous requests', async (t) => {
    await followTag(app.db, susan.id, 'hers');
    for (let number = 1; number < MAX_FOLLOWED_TAGS; number += 1)
      await followTag(app.db, john.id, `t${number}`);
    const { second } = await app.db.transaction().execute(async (trx) => {
      await trx.selectFrom('users').select('id').where('id', '=', john.id).forNoKeyUpdate().execute();
      await trx.insertInto('tag_follows').values({ user_id: john.id, tag: 'first' }).execute();
      const second = followTag(app.db, john.id, 'second').catch((error: unknown) => error);
      await waitForLock(app.db);
      return { second };
    });
    t.match(await second, { code: 'too-many-followed-tags' });
    await followTag(app.db, john.id, 'first');
  });

  await t.test('after simultaneous edits, a post has the tags of one of them', async (t) => {
    const { id } = await write('Hello', ['first']);
    const rendered = await app.markdown.post('Hello');
    await Promise.all(
      ['one', 'two', 'three'].map((tag) => updatePost(app, id, { ...rendered, addedTags: [tag] }, undefined)),
    );
    const { tags } = await app.db
      .selectFrom('posts')
      .select('tags')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    t.equal(tags.length, 1);
    const kept = app.db
      .selectFrom('post_tags')
      .innerJoin('posts', 'posts.position', 'post_tags.position')
      .select('tag')
      .where('posts.id', '=', id);
    t.same(await kept.execute(), [{ tag: tags[0] }]);
    t.same(postsOf(await visitor.get(`/tag/${tags[0]}`)), ['Hello']);
  });
});
