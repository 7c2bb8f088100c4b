import { sql } from 'kysely';
import t from 'tap';
import { report } from '../../../src/domain/moderation/report.ts';
import { build } from '../../support/build.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

const app = await build(t);
const boss = await createUser(app, { username: 'boss', role: 'Administrator' });
const john = await createUser(app, { username: 'john', email: 'j.doe@spam.example' });
const susan = await createUser(app, { username: 'Susan_B', role: 'Moderator' });
const newcomer = await createUser(app, { username: 'newcomer', isConfirmed: false });
await sql`update users set name = 'Zoë O’Brien-Smith' where id = ${susan.id}`.execute(app.db);
const client = await signedInClient(app, boss);

async function namesAt(path: string) {
  const { body } = await client.get(path);
  return [...body.matchAll(/<th scope="row"><a class="person" href="\/admin\/people\/\d+">([^<]+)</g)].map(
    ([, name]) => name,
  );
}

const list = (fields: Record<string, string>) => namesAt(`/admin/people?${new URLSearchParams(fields)}`);

t.test('Administrators find people by the beginnings of words in names and addresses', async (t) => {
  t.match((await client.get('/')).body, 'href="/admin/people"');
  t.same(await namesAt('/admin/people'), ['newcomer', 'Susan_B', 'john', 'boss'], 'newest first');
  const found: Record<string, string[]> = {
    JOHN: ['john'],
    'j.doe@spam.example': ['john'],
    '@spam': ['john'],
    susan: ['Susan_B'],
    smi: ['Susan_B'],
    'zoë b': ['Susan_B'],
    'brien susan': ['Susan_B'],
    bo: ['boss'],
    ohn: [],
    'john boss': [],
    "'; :* & | ! <-> \\": [],
    '%': [],
  };
  for (const [text, names] of Object.entries(found)) t.same(await list({ text }), names, text);
  t.equal((await client.get('/admin/people?text=%00')).statusCode, 404);
  t.equal((await client.get('/admin/people?role=King')).statusCode, 404);
});

t.test('the list can be limited to a role or a state, and to the most reported', async (t) => {
  await sql`update users set suspended_until = now() + interval '1 day' where id = ${john.id}`.execute(
    app.db,
  );
  await sql`update users set suspended_until = now() where id = ${susan.id}`.execute(app.db);
  await sql`update users set silenced_until = now() + interval '1 day', deletion_due_at = now() where id = ${susan.id}`.execute(
    app.db,
  );
  t.same(await list({ role: 'Administrator' }), ['boss']);
  t.same(await list({ role: 'User', state: 'unconfirmed' }), ['newcomer']);
  t.same(await list({ state: 'suspended' }), ['john'], 'not those whose suspension is over');
  t.same(await list({ state: 'silenced', text: 'b' }), ['Susan_B']);
  t.same(await list({ state: 'closed' }), ['Susan_B']);

  t.same(await list({ order: 'reported' }), []);
  const [postId = 0] = await writePosts(app, john);
  const [commentId = 0] = await writeComments(app, susan, postId);
  const by = (reporter: { id: number }) => ({ reporterId: reporter.id, reason: 'Spam' });
  await report(app.db, { kind: 'comment', id: commentId }, by(boss));
  await report(app.db, { kind: 'post', id: postId }, by(boss));
  await report(app.db, { kind: 'person', id: john.id }, by(newcomer));
  t.same(await list({ order: 'reported' }), ['john', 'Susan_B']);
  t.same(await list({ order: 'reported', role: 'Moderator' }), ['Susan_B']);
});

t.test('the list is paged by cursor and keeps its filter', async (t) => {
  await sql`
    insert into users (email, username, password_hash, role)
    select 'n' || n || '@many.example', 'n' || n, '', 'User' from generate_series(1, 60) as n
  `.execute(app.db);
  const first = await client.get('/admin/people?text=many&state=unconfirmed');
  const [, older = ''] = /rel="next" href="([^"]+)"/.exec(first.body) ?? [];
  const names = await namesAt(older.replaceAll('&amp;', '&'));
  t.same(names, ['n10', 'n9', 'n8', 'n7', 'n6', 'n5', 'n4', 'n3', 'n2', 'n1']);
  t.equal((await client.get('/admin/people?before=1')).statusCode, 404);
});
