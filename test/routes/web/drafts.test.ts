import t from 'tap';
import { createDraft } from '../../../src/domain/drafts/save.ts';
import { notifyQueue } from '../../../src/queues.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf, messagesOf } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { assertEnqueued } from '../../support/jobs.ts';

const app = await build(t);
const john = await createUser(app);
const susan = await createUser(app, { username: 'susan' });
const client = await signedInClient(app, john);

const newDraft = (body: string) => createDraft(app.db, john.id, { title: '', body, tags: '' });
const drafts = () => app.db.selectFrom('drafts').selectAll().orderBy('id').execute();
const asJson = { headers: { accept: 'application/json' } };

t.afterEach(async () => {
  await app.db.deleteFrom('drafts').execute();
  await app.db.deleteFrom('posts').execute();
});

t.test('a draft is saved as it was typed, listed, and published in one step', async (t) => {
  const typed = { title: 'On tea', body: 'Half a *thought', tags: 'tea, !' };
  const saved = await client.post('/drafts', typed);
  const [draft] = await drafts();
  t.equal(saved.headers.location, `/drafts/${draft?.id}`);
  const page = await client.follow(saved);
  t.same(messagesOf(page), ['Your draft has been saved.']);
  t.match(page.body, 'value="On tea"');
  t.match(page.body, 'Half a *thought</textarea>');
  t.match((await client.get('/drafts')).body, 'On tea</a>');
  t.notMatch((await new Client(app).get('/')).body, 'On tea', 'it is in no list');

  const fields = { ...typed, body: 'A thought for @susan', draft: String(draft?.id), version: '1' };
  const refused = await client.post('/write', fields);
  t.match(errorsOf(refused).tags, 'cannot be a tag');
  t.equal((await drafts()).length, 1, 'a refused one stays');
  const published = await client.post('/write', { ...fields, tags: 'tea' });
  t.match(published.headers.location, /^\/post\/\d+\/on-tea$/);
  t.same(await drafts(), []);
  await assertEnqueued(t, app, notifyQueue, [{ about: 'post' }]);
});

t.test('only its author can read, save, publish or delete a draft', async (t) => {
  const { id: otherId } = await newDraft('Another');
  const { id } = await newDraft('Secret');
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  for (const person of [susan, admin]) {
    const other = await signedInClient(app, person);
    t.equal((await other.get(`/drafts/${id}`)).statusCode, 404);
    t.notMatch((await other.get('/drafts')).body, 'Secret');
    const fields = { body: 'Mine', draft: String(id), version: '1' };
    for (const path of ['/drafts', '/write']) {
      const refused = await other.post(path, fields);
      t.equal(refused.statusCode, 422);
      t.match(errorsOf(refused).body, 'published or deleted elsewhere');
      t.notMatch(refused.body, 'Secret');
    }
    await other.post(`/drafts/${id}/delete`);
  }
  t.match((await client.get('/drafts')).body, /Secret.*Another/s);
  t.match((await client.get(`/drafts/${id}`)).body, 'Secret</textarea>');
  await client.follow(await client.post(`/drafts/${otherId}/delete`));
  t.match(await drafts(), [{ id, body: 'Secret', version: 1 }]);
  const page = await client.follow(await client.post(`/drafts/${id}/delete`));
  t.same(messagesOf(page), ['The draft has been deleted.']);
  t.match(page.body, 'No drafts yet.');
});

t.test('a newer version from another browser is not overwritten without asking', async (t) => {
  const { id } = await newDraft('First');
  const draft = String(id);
  const newer = await client.post('/drafts', { body: 'Newer', draft, version: '1' }, asJson);
  t.same(newer.json(), { id, version: 2 });
  const refused = await client.post('/drafts', { body: 'Older', draft, version: '1' }, asJson);
  t.equal(refused.statusCode, 412);
  t.match(refused.json().message, 'saved in another browser');

  const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 16);
  for (const path of ['/drafts', '/write', '/drafts/schedule']) {
    const fields = { body: 'Older', draft, version: '1', publish_at: tomorrow, offset: '0' };
    const page = await client.post(path, fields);
    t.equal(page.statusCode, 422);
    t.match(errorsOf(page).body, 'Send yours again to replace it.');
    t.match(page.body, 'Older</textarea>', 'the text is kept');
    t.match(page.body, 'name="version" value="2"');
    t.notMatch(page.body, 'data-autosave', 'and does not replace the newer one by itself');
  }
  t.match(await drafts(), [{ body: 'Newer' }]);
  await client.post('/drafts', { body: 'Older', draft, version: '2' });
  t.match(await drafts(), [{ body: 'Older', version: 3 }]);
});

t.test('a draft is published once, however often its button is pressed', async (t) => {
  const { id } = await newDraft('Once');
  const fields = { body: 'Once', draft: String(id), version: '1' };
  const answers = await Promise.all([1, 2, 3].map(() => client.post('/write', fields)));
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 422, 422]);
  t.equal((await app.db.selectFrom('posts').select('id').execute()).length, 1);
  const late = answers.find(({ statusCode }) => statusCode === 422);
  t.match(late?.body, 'name="draft" value=""', 'sent again, it is a new post');
});

t.test('nobody has more than a hundred drafts, and a draft’s text is limited', async (t) => {
  const fill = Array.from({ length: 99 }, () => ({ author_id: john.id, title: '', body: '', tags: '' }));
  await app.db.insertInto('drafts').values(fill).execute();
  await createDraft(app.db, susan.id, { title: '', body: 'Hers', tags: '' });
  const answers = await Promise.all([1, 2, 3].map(() => client.post('/drafts', { body: 'Hello' })));
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [303, 422, 422]);
  const full = answers.find(({ statusCode }) => statusCode === 422);
  t.match(full && errorsOf(full).body, 'You already have 100 drafts.');
  t.match(full?.body, 'Hello</textarea>', 'the text is kept');

  await app.db.deleteFrom('drafts').execute();
  const long = await client.post('/drafts', { body: 'x'.repeat(50_001) }, asJson);
  t.equal(long.statusCode, 422);
  t.match(long.json().message, 'at most 50000 characters');
  t.equal((await client.post('/drafts', { draft: 'x', body: 'x' })).statusCode, 422);
  t.equal((await client.post('/drafts', { draft: '9999999999', body: 'x' })).statusCode, 404);
  t.same(await drafts(), []);
});
