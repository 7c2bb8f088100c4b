import { sql } from 'kysely';
import t from 'tap';
import { buildApp } from '../../../src/app.ts';
import { listEvents } from '../../../src/domain/security-events/list.ts';
import { AI_CRAWLERS } from '../../../src/domain/site/ai-crawlers.ts';
import { SETTING_NAMES } from '../../../src/domain/site/fields.ts';
import { loadSettings } from '../../../src/domain/site/settings.ts';
import { ApiProgram } from '../../support/api.ts';
import { build, testConfig } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createDatabase } from '../../support/database.ts';
import { createUser, signedInClient, siteSettings } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';
import { catchMail } from '../../support/smtp.ts';
import { waitFor } from '../../support/wait-for.ts';
import { writePosts } from '../../support/writing.ts';

/** Pages stay longer than any test waits. */
const PAGE_CACHE = { maxAgeMs: 600_000, maxStaleMs: 60_000, maxBytes: 2 ** 20 };

t.test('the site has the name, colour, language and links that Administrators give it', async (t) => {
  const smtp = await catchMail(t);
  const app = await build(t, { SMTP_URL: smtp.url }, { config: { pageCache: PAGE_CACHE } });
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  await writePosts(app, admin);
  const client = await signedInClient(app, admin);
  const visitor = new Client(app);
  t.match((await visitor.get('/')).body, '<title>Pennypost</title>');

  const changes = {
    name: 'The <Village> Post',
    tagline: 'News & gossip',
    description: 'What happens in the village',
    colour: 'blue',
    language: 'de-AT',
    links: 'Source code https://example.com/source?a=1&b=2\nWeather http://weather.example',
  } as const;
  const saved = await client.follow(await client.post('/admin/settings', siteSettings(changes)));
  t.same(messagesOf(saved), ['The settings have been saved.']);
  t.match(saved.body, 'value="The &lt;Village&gt; Post"');
  for (const name of SETTING_NAMES) t.match(saved.body, ` name="${name}"`, `the form has ${name}`);

  const home = (await visitor.get('/')).body;
  t.match(home, '<html lang="de-AT" data-colour="blue">');
  t.match(home, '<title>The &lt;Village&gt; Post</title>', 'not from the cache');
  t.match(home, 'News &amp; gossip');
  t.match(home, '<meta name="description" content="What happens in the village">');
  t.match(home, '<a href="https://example.com/source?a=1&amp;b=2" rel="noopener">Source code</a>');
  t.match((await visitor.get('/archive')).body, '<title>Archive · The &lt;Village&gt; Post</title>');
  t.match((await visitor.get('/nowhere')).body, 'The &lt;Village&gt; Post');
  t.match((await visitor.get('/feed.json')).json(), { title: changes.name, language: 'de-AT' });
  t.match((await visitor.get('/feed.atom')).body, '<title>The &lt;Village&gt; Post</title>');
  t.match((await visitor.get('/user/admin/feed.atom')).body, 'admin on The &lt;Village&gt; Post');
  t.match((await visitor.get('/site.webmanifest')).json(), {
    name: changes.name,
    lang: 'de-AT',
    theme_color: '#225b9f',
    icons: [{ src: '/icon/blue.svg' }],
  });
  t.match((await visitor.get('/icon/blue.svg')).body, '#225b9f');
  t.equal((await visitor.get('/icon/mauve.svg')).statusCode, 404);
  t.match((await visitor.get('/api/v1/openapi.json')).json(), { info: { title: changes.name } });

  await visitor.post('/auth/reset', { email: admin.email });
  await drain(app);
  t.match(smtp.mails[0], {
    subject: '[The <Village> Post] Reset your password',
    from: { value: [{ name: changes.name, address: 'no-reply@localhost' }] },
    text: /password of your account on The <Village> Post\.[\s\S]*– The <Village> Post/,
  });
});

t.test('each change is recorded, and refused values are not saved', async (t) => {
  const app = await build(t);
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const client = await signedInClient(app, admin);
  await client.post('/admin/settings', siteSettings({ registration: 'closed', crawlers: 'disallow' }));
  await client.post('/admin/settings/rules', { body: 'Be kind.' });
  const { events } = await listEvents(app.db, { kinds: ['setting-changed'] }, undefined);
  t.match(events, [
    { actorName: 'admin', detail: { setting: 'rules' } },
    { detail: { setting: 'crawlers', value: 'disallow' } },
    { detail: { setting: 'registration', value: 'closed' } },
    { detail: { setting: 'description' } },
    { detail: { setting: 'tagline', value: '' } },
  ]);
  t.match((await client.get('/admin/activity')).body, 'Setting changed: registration is now “closed”');

  const refused: [Parameters<typeof siteSettings>[0] & object, string][] = [
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(51) }, 'name'],
    [{ name: 'Two\nlines' }, 'name'],
    [{ language: 'english, please' }, 'language'],
    [{ delay: '61' }, 'delay'],
    [{ links: 'Bad javascript:alert(1)' }, 'links'],
    [{ links: 'https://no-label.example' }, 'links'],
    [{ links: 'Deceptive https://bank.example@evil.example/' }, 'links'],
    [{ links: 'Link https://example.com\n'.repeat(11) }, 'links'],
  ];
  for (const [changes, field] of refused) {
    const response = await client.post('/admin/settings', siteSettings(changes));
    t.equal(response.statusCode, 422, JSON.stringify(changes).slice(0, 60));
    t.same(Object.keys(errorsOf(response)), [field]);
  }
  for (const choice of ['colour', 'registration', 'api', 'crawlers', 'email_subscriptions']) {
    const response = await client.post('/admin/settings', { ...siteSettings(), [choice]: 'other' });
    t.match(errorsOf(response)[choice], /^Choose one of: \w+/);
  }
  t.match(app.site.settings, { name: 'Pennypost', registration: 'closed', footerLinks: [] });
});

t.test('changing settings takes a recent password', async (t) => {
  const app = await build(t);
  const admin = await createUser(app, { role: 'Administrator' });
  const client = await signedInClient(app, admin);
  await sql`update sessions set verified_at = now() - interval '11 minutes'`.execute(app.db);
  const response = await client.post('/admin/settings', siteSettings({ name: 'Stolen' }));
  t.equal(response.headers.location, '/auth/verify?next=%2Fadmin%2Fsettings');
  t.equal(app.site.settings.name, 'Pennypost');
});

t.test('pages about the site are written in Markdown, and linked while they are not empty', async (t) => {
  const app = await build(t);
  const client = await signedInClient(app, await createUser(app, { role: 'Administrator' }));
  const visitor = new Client(app);
  t.equal((await visitor.get('/rules')).statusCode, 404);
  t.notMatch((await visitor.get('/')).body, 'href="/rules"');

  const body = '# Be kind\n\n<script>alert(1)</script>\n\n[Why](https://example.com)';
  t.match((await client.post('/admin/settings/rules', { body, preview: 'y' })).body, '<h1>Be kind</h1>');
  t.equal((await visitor.get('/rules')).statusCode, 404, 'a preview is not saved');
  await client.post('/admin/settings/about', { body: 'About us' });
  await client.post('/admin/settings/rules', { body: 'No rules yet' });
  for (let times = 0; times < 2; times += 1) await client.post('/admin/settings/rules', { body });
  const page = (await visitor.get('/rules')).body;
  t.match(page, '<h1>Be kind</h1>');
  t.match(page, '&lt;script&gt;alert(1)');
  t.match((await visitor.get('/')).body, '<li><a href="/rules">Rules</a></li>');
  t.match((await client.get('/admin/settings/rules')).body, '# Be kind');

  const tooLong = await client.post('/admin/settings/rules', { body: 'x'.repeat(50_001) });
  t.equal(tooLong.statusCode, 422);
  await client.post('/admin/settings/rules', { body: ' ' });
  t.equal((await visitor.get('/rules')).statusCode, 404);
  t.notMatch((await visitor.get('/')).body, 'href="/rules"');
  t.match((await visitor.get('/about')).body, 'About us', 'the other page stays');
  t.equal((await client.get('/admin/settings/contact')).statusCode, 404);
  const { events } = await listEvents(app.db, { kinds: ['setting-changed'] }, undefined);
  t.same(
    events.map(({ detail }) => detail),
    ['rules', 'rules', 'rules', 'about'].map((setting) => ({ setting })),
    'saving the same text again is not recorded',
  );
});

t.test('robots.txt refuses AI crawlers if the site does', async (t) => {
  const app = await build(t);
  const client = await signedInClient(app, await createUser(app, { role: 'Administrator' }));
  t.notMatch((await client.get('/robots.txt')).body, 'GPTBot');
  await client.post('/admin/settings', siteSettings({ crawlers: 'disallow' }));
  const { body } = await client.get('/robots.txt');
  const [first = '', second = ''] = body.split('\n\n');
  t.equal(first, [...AI_CRAWLERS.map((name) => `User-agent: ${name}`), 'Disallow: /'].join('\n'));
  t.match(second, /^User-agent: \*\nDisallow: \/auth\//);
});

t.test('visitors read through the API while the site allows it, and never write', async (t) => {
  const app = await build(t);
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const [postId = 0] = await writePosts(app, admin);
  const client = await signedInClient(app, admin);
  const read = (path: string) => app.inject(`/api/v1${path}`);
  t.equal((await read('/posts/')).statusCode, 401);

  await client.post('/admin/settings', siteSettings({ api: 'everyone' }));
  for (const path of ['/posts/', `/posts/${postId}`, '/comments/', `/users/${admin.id}`]) {
    t.equal((await read(path)).statusCode, 200, path);
  }
  t.match((await read('/posts/')).headers, { 'ratelimit-policy': '"address";q=600;w=60' });
  t.equal((await read(`/users/${admin.id}/timeline/`)).statusCode, 401);
  for (const method of ['POST', 'PUT', 'DELETE'] as const) {
    const url = `/api/v1/posts/${method === 'POST' ? '' : postId}`;
    t.equal((await app.inject({ method, url, payload: { body: 'x' } })).statusCode, 401, method);
  }
  const wrong = { authorization: 'Bearer nonsense' };
  t.equal((await app.inject({ url: '/api/v1/posts/', headers: wrong })).statusCode, 401);
  const program = await ApiProgram.of(app, admin);
  t.match((await program.get('/posts/')).headers, { 'ratelimit-policy': '"account";q=600;w=60' });
});

t.test('another process, and the cached pages in it, show a change within moments', async (t) => {
  const DATABASE_URL = await createDatabase(t);
  const app = await build(t, { DATABASE_URL });
  const other = buildApp({ ...testConfig({ DATABASE_URL }), pageCache: PAGE_CACHE });
  t.teardown(() => other.close());
  await other.ready();
  const client = await signedInClient(app, await createUser(app, { role: 'Administrator' }));
  const visitor = new Client(other);
  t.match((await visitor.get('/')).body, '<title>Pennypost</title>');
  await client.post('/admin/settings', siteSettings({ name: 'Renamed' }));
  await waitFor(async () => (await visitor.get('/')).body.includes('<title>Renamed</title>'), 'its name');
});

t.test('long values and simultaneous changes are saved', async (t) => {
  const app = await build(t);
  const client = await signedInClient(app, await createUser(app, { role: 'Administrator' }));
  // The log repeats 100 UTF-16 units, which end in the middle of this emoji.
  const tagline = `${'a'.repeat(99)}😀`;
  t.equal((await client.post('/admin/settings', siteSettings({ tagline }))).statusCode, 303);
  t.equal((await loadSettings(app.db)).tagline, tagline);
  t.match((await client.get('/admin/activity')).body, 'aaa');
  const bodies = ['one', 'two', 'three', 'four'];
  const answers = await Promise.all(bodies.map((body) => client.post('/admin/settings/rules', { body })));
  t.same(
    answers.map(({ statusCode }) => statusCode),
    [303, 303, 303, 303],
  );
});

t.test('if two Administrators save at once, the second is told, and may save again', async (t) => {
  const app = await build(t);
  const client = await signedInClient(
    app,
    await createUser(app, { username: 'admin', role: 'Administrator' }),
  );
  const versionOn = ({ body }: { body: string }) => /name="version" value="(\d+)"/.exec(body)?.[1] ?? '';
  const version = versionOn(await client.get('/admin/settings'));
  const save = (name: string, based: string) =>
    client.post('/admin/settings', { ...siteSettings({ name }), version: based });
  t.equal((await save('First', version)).statusCode, 303);
  const refused = await save('Second', version);
  t.equal(refused.statusCode, 422);
  t.match(refused.body, 'Somebody else has changed the settings since you opened this page.');
  t.match(refused.body, 'value="Second"');
  t.equal((await loadSettings(app.db)).name, 'First');
  t.equal((await save('Second', versionOn(refused))).statusCode, 303);
  t.equal((await loadSettings(app.db)).name, 'Second');
});
