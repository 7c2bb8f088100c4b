import t from 'tap';
import { setPostDisabled } from '../../../src/domain/posts/write.ts';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writePosts } from '../../support/writing.ts';

const SITE = 'https://blog.example';

t.test('titles of posts', async (t) => {
  const app = await build(t, { BASE_URL: SITE });
  const john = await createUser(app);
  const author = await signedInClient(app, john);
  const visitor = new Client(app);

  await t.test('a title is shown in lists, on the page and in its address', async (t) => {
    const title = 'On “bread” & <b>butter</b>';
    t.equal((await author.post('/', { title: ` ${title} `, body: 'Bake it.' })).statusCode, 303);
    const path = '/post/1/on-bread-b-butter-b';
    const escaped = 'On “bread” &amp; &lt;b&gt;butter&lt;/b&gt;';
    for (const list of ['/', '/user/john']) {
      const { body } = await visitor.get(list);
      t.match(body, `dir="auto"><a href="${path}">${escaped}</a></h2>`, list);
      t.match(body, `aria-label="${escaped} by john"`, list);
      t.match(body, `href="${path}#comments"`, list);
      t.notMatch(body, 'href="/post/1"', list);
    }
    const { body } = await visitor.get(path);
    t.match(body, `<h1 dir="auto">${escaped}</h1>`);
    t.match(body, `<title>${escaped} by john · Pennypost</title>`);
    t.match(body, `<link rel="canonical" href="${SITE}${path}">`);
    t.match(body, `"headline":"On “bread” & \\u003cb>butter\\u003c/b>"`);
    t.match((await visitor.get('/sitemap/posts/1.xml')).body, `<loc>${SITE}${path}</loc>`);
    const { items } = (await visitor.get('/feed.json')).json();
    t.match(items, [{ id: `${SITE}/post/1`, url: SITE + path, title }]);
    const comments = (await visitor.get('/post/1/feed.json')).json();
    t.match(comments, { title: `Comments on “${title}”`, home_page_url: SITE + path });
  });

  await t.test('the ID finds a post; another slug leads to the right one', async (t) => {
    for (const path of ['/post/1', '/post/1/on-bread', '/post/01/x', '/post/1/']) {
      const { statusCode, headers } = await visitor.get(`${path}?page=-1&utm=%0D%0A`);
      t.equal(statusCode, 301, path);
      t.equal(headers.location, '/post/1/on-bread-b-butter-b?page=-1&utm=%0D%0A');
      t.equal(headers['cache-control'], 'no-cache', 'the title may change back');
    }
    const [untitled] = await writePosts(app, john);
    t.equal((await visitor.get(`/post/${untitled}/x`)).headers.location, `/post/${untitled}`);
    t.equal((await visitor.get('/post/99/x')).statusCode, 404);
    t.equal((await visitor.post('/post/1/on-bread')).statusCode, 404);
  });

  await t.test('an edit changes the title and the address', async (t) => {
    t.match((await author.get('/edit/1')).body, 'value="On “bread” &amp; &lt;b&gt;butter&lt;/b&gt;"');
    const edited = await author.post('/edit/1', { title: 'Дом', body: 'Bake it.' });
    t.equal(edited.headers.location, '/post/1/%D0%B4%D0%BE%D0%BC');
    t.match((await author.follow(edited)).body, '<h1 dir="auto">Дом</h1>');
    t.equal((await visitor.get('/post/1/on-bread-b-butter-b')).headers.location, edited.headers.location);
    await author.post('/edit/1', { title: '', body: 'Bake it.' });
    t.match((await visitor.get('/post/1')).body, '>Post by john</h1>');
  });

  await t.test('a title is one line of at most 200 characters, and visible', async (t) => {
    for (const title of ['x'.repeat(201), 'a\u0007b', 'one\ntwo', '\u200b', 'a\u2028b']) {
      const refused = await author.post('/', { title, body: 'Kept' });
      t.equal(refused.statusCode, 422);
      t.same(errorsOf(refused), { title: 'Enter one line of at most 200 characters.' });
      t.match(refused.body, 'Kept</textarea>');
    }
    t.equal((await author.post('/', { title: '🍞'.repeat(200), body: 'Bread' })).statusCode, 303);
  });

  await t.test('only moderators see the title of a hidden post', async (t) => {
    const { headers } = await author.post('/edit/1', { title: 'Secret', body: 'Bake it.' });
    await setPostDisabled(app.db, 1, true);
    t.equal((await visitor.get(String(headers.location))).headers.location, '/post/1');
    t.notMatch((await visitor.get('/post/1')).body, /secret/i);
    const moderator = await createUser(app, { username: 'moderator', role: 'Moderator' });
    const { body } = await (await signedInClient(app, moderator)).get('/post/1/secret');
    t.match(body, '<h1 dir="auto">Secret</h1>');
  });

  await t.test('the API has titles', async (t) => {
    const program = await ApiProgram.of(app, john);
    const written = await program.post('/posts/', { title: ' On tea ', body: 'Pour it.' });
    t.match(written.json(), { title: 'On tea', body: 'Pour it.' });
    const { url } = written.json();
    t.match((await program.put(url, { body: 'Stir it.' })).json(), { title: 'On tea', body: 'Stir it.' });
    t.match((await program.put(url, { title: null, body: 'x' })).json(), { title: null });
    t.match((await program.post('/posts/', { body: 'x' })).json(), { title: null });
    t.equal((await program.post('/posts/', { title: 'a\nb', body: 'x' })).statusCode, 400);
    t.equal((await program.post('/posts/', { title: 5, body: 'x' })).statusCode, 400);
  });
});
