import t from 'tap';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';

t.test('a program writes, schedules and publishes drafts, which nobody else can read', async (t) => {
  const app = await build(t);
  const program = await ApiProgram.of(app, await createUser(app));
  const other = await ApiProgram.of(app, await createUser(app, { username: 'susan' }));
  const created = await program.post('/drafts/', { title: 'On tea', body: '', tags: ['Tea'] });
  t.equal(created.statusCode, 201);
  const { url } = created.json();
  const path = url.replace('/api/v1', '');
  t.match(created.json(), { title: 'On tea', body: '', tags: ['Tea'], publish_at: null });
  t.match((await program.get('/drafts/')).json(), { drafts: [{ url, title: 'On tea' }] });
  t.equal((await other.get(path)).statusCode, 404);
  t.same((await other.get('/drafts/')).json(), { drafts: [], prev: null, next: null, count: 0 });
  t.equal((await program.post(`${path}/publish`)).statusCode, 422, 'it has no text yet');

  const ifMatch = { 'if-match': String(created.headers.etag) };
  const saved = await program.put(path, { body: 'Strong' }, ifMatch);
  t.match(saved.json(), { title: 'On tea', body: 'Strong', tags: ['Tea'] }, 'what is not sent stays');
  t.equal((await program.put(path, { body: 'Weak' }, ifMatch)).statusCode, 412);
  const cleared = await program.put(path, { title: null, body: 'Strong', tags: [] });
  t.match(cleared.json(), { title: null, tags: [] });

  for (const publish_at of ['9999-01-01T00:00:00Z', 'tomorrow', '2026-13-01T00:00Z'])
    t.match((await program.put(`${path}/schedule`, { publish_at })).statusCode, /^4(00|22)$/, publish_at);
  const publish_at = new Date(Date.now() + 60 * 60 * 1000).toISOString();
  t.equal((await program.put(`${path}/schedule`, { publish_at })).statusCode, 204);
  t.match((await program.get(path)).json(), { publish_at });
  await program.delete(`${path}/schedule`);
  t.match((await program.get(path)).json(), { publish_at: null });

  const published = await program.post(`${path}/publish`);
  t.equal(published.statusCode, 201);
  t.match(published.json(), { body: 'Strong' });
  t.equal((await program.post(`${path}/publish`)).statusCode, 404, 'it is published once');
});
