import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { setCommentDisabled } from '../../../src/domain/comments/write.ts';
import { publishPost, updatePost } from '../../../src/domain/posts/write.ts';
import { build, buildShared } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const SITE = 'https://blog.example';

const emptied = await buildShared(t, { BASE_URL: SITE });

/** The texts of all elements with a name. */
const textsOf = (xml: string, name: string) =>
  [...xml.matchAll(new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`, 'g'))].map(([, text]) => text);

/** Required once in a feed and in each entry (RFC 4287). */
function checkAtom(t: Test, xml: string): void {
  const [head = '', ...entries] = xml.split('<entry>');
  t.match(xml, /^<\?xml version="1.0" encoding="utf-8"\?>\s*<feed xmlns="http:\/\/www.w3.org\/2005\/Atom"/);
  t.match(
    head,
    /<link rel="self" type="application\/atom\+xml" href="https:\/\/blog.example\/.*feed.atom"\/>/,
  );
  for (const part of [head, ...entries]) {
    for (const name of ['id', 'title', 'updated']) t.equal(textsOf(part, name).length, 1, `one ${name}`);
    t.match(textsOf(part, 'id')[0], /^https:\/\/blog\.example\//);
    t.match(textsOf(part, 'updated')[0], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    t.equal(part.match(/<author><name>[^<]+<\/name>/g)?.length, 1, 'one author');
    t.ok((part.match(/<link rel="alternate"/g) ?? []).length === 1, 'one alternate link');
  }
  t.equal(new Set(textsOf(xml, 'id')).size, entries.length + 1, 'ids are unique');
}

t.test('the site, people and posts have feeds', async (t) => {
  const app = await emptied();
  const john = await createUser(app, { username: 'john' });
  const susan = await createUser(app, { username: 'susan' });
  await publishPost(
    app,
    susan.id,
    await app.markdown.post('Less & <b>more</b>, and a control: \u0007 "quoted"'),
  );
  const [postId = 0, otherId = 0] = await writePosts(app, john, 2);
  const [hidden = 0] = await writeComments(app, susan, postId, 3);
  await writeComments(app, john, otherId);
  await setCommentDisabled(app.db, hidden, true);
  await updatePost(app, postId, await app.markdown.post('Post 1, changed'), undefined);
  const client = new Client(app);

  for (const [path, count] of [
    ['/feed', 3],
    ['/user/JOHN/feed', 2],
    [`/post/${postId}/feed`, 2],
  ] as const) {
    const atom = await client.get(`${path}.atom`);
    t.equal(atom.statusCode, 200, path);
    t.match(atom.headers['content-type'], 'application/atom+xml');
    checkAtom(t, atom.body);
    t.equal(atom.body.split('<entry>').length - 1, count);
    t.notMatch(atom.body, '\u0007', 'what XML cannot have is left out');

    const json = await client.get(`${path}.json`);
    t.match(json.headers['content-type'], 'application/feed+json');
    const feed = json.json();
    t.match(feed, { version: 'https://jsonfeed.org/version/1.1', title: String, items: Array });
    t.match(feed.feed_url, /^https:\/\/blog\.example\/.*feed\.json$/);
    t.equal(feed.items.length, count);
    for (const item of feed.items) {
      t.match(item, {
        id: String,
        url: String,
        content_html: String,
        title: String,
        authors: [{ name: String }],
      });
      t.ok(new Date(item.date_modified) >= new Date(item.date_published));
    }
  }
  const comments = (await client.get(`/post/${postId}/feed.json`)).json().items;
  t.match([comments[0].content_html, comments[1].content_html], ['Comment 3', 'Comment 2']);
  const { items } = (await client.get('/feed.json')).json();
  t.match(items[2].content_html, 'Less &amp; <b>more</b>');
  t.match((await client.get('/feed.atom')).body, 'Less &amp;amp; &lt;b&gt;more&lt;/b&gt;');
  for (const path of ['/user/nobody/feed.atom', '/post/99/feed.json', '/post/x/feed.atom']) {
    t.equal((await client.get(path)).statusCode, 404, path);
  }
});

t.test('a feed reader gets 304 if nothing has changed', async (t) => {
  const app = await build(t);
  const john = await createUser(app);
  const [postId = 0] = await writePosts(app, john);
  const client = new Client(app);
  for (const path of ['/feed.atom', '/feed.json', '/user/john/feed.atom', `/post/${postId}/feed.json`]) {
    const { headers } = await client.get(path);
    const byTag = await client.get(path, { headers: { 'if-none-match': String(headers.etag) } });
    t.equal(byTag.statusCode, 304, path);
    t.equal(byTag.body, '');
    const since = String(headers['last-modified']);
    t.equal((await client.get(path, { headers: { 'if-modified-since': since } })).statusCode, 304, since);
  }
  const { headers } = await client.get('/feed.atom');
  await updatePost(app, postId, await app.markdown.post('changed'), undefined);
  const changed = await client.get('/feed.atom', { headers: { 'if-none-match': String(headers.etag) } });
  t.equal(changed.statusCode, 200);
});

t.test('a feed of long posts is limited in size, but has at least one', async (t) => {
  const app = await emptied();
  const { id } = await createUser(app);
  const text = await app.markdown.post('<'.repeat(30_000));
  for (let number = 1; number <= 5; number += 1) await publishPost(app, id, text);
  const client = new Client(app);
  const { items } = (await client.get('/feed.json')).json();
  t.same(
    items.map((item: { url: string }) => item.url),
    [`${SITE}/post/5`, `${SITE}/post/4`],
  );
  t.equal((await client.get('/feed.atom')).body.split('<entry>').length - 1, 2);
});

t.test('a feed has the thirty newest comments on a post', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const text = await app.markdown.post(`${'x'.repeat(78)} and so on`);
  const { id: postId } = await publishPost(app, john.id, text);
  await sql`
    insert into comments (post_id, author_id, body, body_html)
    select ${postId}::int, ${john.id}::int, n, n from generate_series(1, 32) as n
  `.execute(app.db);
  const { title, items } = (await new Client(app).get(`/post/${postId}/feed.json`)).json();
  t.equal(title, `Comments on “${'x'.repeat(78)}…”`, 'at most 80 characters, without a space at the end');
  const numbers = items.map((item: { content_html: string }) => Number(item.content_html));
  t.same(
    numbers,
    Array.from({ length: 30 }, (_, index) => 32 - index),
  );
});

t.test('an empty feed is valid', async (t) => {
  const app = await emptied();
  const { body } = await new Client(app).get('/feed.atom');
  checkAtom(t, body);
  t.same((await new Client(app).get('/feed.json')).json().items, []);
});

t.test('pages have metadata, a canonical address and their feeds', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  const { id } = await publishPost(
    app,
    john.id,
    await app.markdown.post('# On "tags" & `<script>`\n\nWhat `</script>` does.'),
  );
  const client = new Client(app);

  const { body } = await client.get(`/post/${id}`);
  t.match(
    body,
    '<title>“On &quot;tags&quot; &amp; &lt;script&gt; What &lt;/script&gt; does.” by john · Pennypost</title>',
  );
  t.match(body, `<link rel="canonical" href="${SITE}/post/${id}">`);
  t.match(body, '<meta property="og:type" content="article">');
  t.match(body, `href="/post/${id}/feed.atom"`);
  const [, data = ''] = /<script type="application\/ld\+json">(.*?)<\/script>/s.exec(body) ?? [];
  t.match(JSON.parse(data), {
    '@type': 'BlogPosting',
    headline: 'On "tags" & <script> What </script> does.',
    author: { name: 'john', url: `${SITE}/user/john` },
    datePublished: /Z$/,
  });

  t.match((await client.get('/')).body, '<title>Pennypost</title>');
  t.match((await client.get('/user/john')).body, '<meta property="og:type" content="profile">');
  const login = (await client.get('/auth/login')).body;
  t.match(login, '<meta name="robots" content="noindex">');
  t.notMatch(login, 'canonical');
});

t.test('the sitemap lists all pages in files of limited size', async (t) => {
  const app = await emptied();
  const john = await createUser(app);
  await createUser(app, { username: 'unconfirmed', isConfirmed: false });
  const [first = 0, second = 0] = await writePosts(app, john, 2);
  const client = new Client(app);

  const robots = await client.get('/robots.txt');
  t.match(robots.body, `Sitemap: ${SITE}/sitemap.xml`);
  t.match(robots.body, 'Disallow: /auth/');
  const index = await client.get('/sitemap.xml');
  t.match(index.headers['content-type'], 'application/xml');
  t.same(textsOf(index.body, 'loc'), [`${SITE}/sitemap/posts/1.xml`, `${SITE}/sitemap/people/1.xml`]);
  t.same(textsOf((await client.get('/sitemap/posts/1.xml')).body, 'loc'), [
    `${SITE}/post/${first}`,
    `${SITE}/post/${second}`,
  ]);
  t.same(textsOf((await client.get('/sitemap/people/1.xml')).body, 'loc'), [`${SITE}/user/john`]);
  await sql`
    insert into users (id, email, username, password_hash, role, confirmed_at) overriding system value
    values (10001, 'late@example.com', 'late', 'x', 'User', now())
  `.execute(app.db);
  await sql`
    insert into posts (id, author_id, body, body_html) overriding system value values (10001, ${john.id}, 'Late', 'Late')
  `.execute(app.db);
  for (const [kind, paths] of [
    ['posts', [`/post/${first}`, `/post/${second}`, '/post/10001']],
    ['people', ['/user/john', '/user/late']],
  ] as const) {
    const files = [1, 2].map((number) => client.get(`/sitemap/${kind}/${number}.xml`));
    const listed = (await Promise.all(files)).map(({ body }) => textsOf(body, 'loc'));
    t.same(
      listed,
      [paths.slice(0, -1), paths.slice(-1)].map((some) => some.map((path) => `${SITE}${path}`)),
    );
  }
  for (const path of ['/sitemap/posts/3.xml', '/sitemap/posts/x.xml', '/sitemap/comments/1.xml']) {
    t.equal((await client.get(path)).statusCode, 404, path);
  }
});

t.test('icons and the manifest are where browsers expect them', async (t) => {
  const client = new Client(await build(t));
  for (const [path, type] of [
    ['/favicon.ico', 'image/'],
    ['/icon/blue.svg', 'image/svg+xml'],
    ['/assets/icon-192.png', 'image/png'],
    ['/assets/apple-touch-icon.png', 'image/png'],
    ['/site.webmanifest', 'application/manifest+json; charset=utf-8'],
    ['/assets/speculation-rules.json', 'application/speculationrules+json'],
  ] as const) {
    const response = await client.get(path);
    t.equal(response.statusCode, 200, path);
    t.match(response.headers['content-type'], type);
  }
});
