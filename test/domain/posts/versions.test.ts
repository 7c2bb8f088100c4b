import { sql } from 'kysely';
import t from 'tap';
import { eraseAccount } from '../../../src/domain/accounts/erase.ts';
import { MAX_VERSIONS } from '../../../src/domain/posts/keep-version.ts';
import { listVersions } from '../../../src/domain/posts/versions.ts';
import { deletePost, setPostDisabled, updatePost } from '../../../src/domain/posts/write.ts';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { writePosts } from '../../support/writing.ts';

const app = await build(t, { RATE_LIMITS: 'off' });
const { db } = app;
const john = await createUser(app);
const susan = await createUser(app, { username: 'susan' });
const molly = await createUser(app, { username: 'molly', role: 'Moderator' });
const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
const author = await signedInClient(app, john);
const reader = await signedInClient(app, susan);
const moderator = await signedInClient(app, molly);
const visitor = new Client(app);

t.afterEach(async () => {
  await db.deleteFrom('posts').execute();
  await db.deleteFrom('security_events').execute();
});

/** Makes all edits so far older than those that count as one with the next. */
async function passTime(): Promise<void> {
  await sql`update post_versions set replaced_at = replaced_at - interval '1 hour', written_at = written_at - interval '1 hour'`.execute(
    db,
  );
}

/** A post of John's that he has edited. */
async function writeEdited(...bodies: string[]): Promise<number> {
  const { headers } = await author.post('/write', { title: 'On tea', body: 'Boil water.', tags: 'tea' });
  const id = Number(/^\/post\/(\d+)/.exec(String(headers.location))?.[1]);
  for (const body of bodies) {
    await author.post(`/edit/${id}`, { title: 'On tea', body, tags: 'tea' });
    await passTime();
  }
  return id;
}

const kept = () =>
  db
    .selectFrom('post_versions')
    .select(['version', 'title', 'body', 'added_tags as tags'])
    .orderBy('version')
    .execute();

t.test('readers see what an edit changed, and who edited when', async (t) => {
  const id = await writeEdited('Boil fresh water.');
  const asAdmin = await signedInClient(app, admin);
  await asAdmin.post(`/edit/${id}`, { title: 'On black tea', body: 'Boil fresh water.', tags: '' });
  t.same(await kept(), [
    { version: 1, title: 'On tea', body: 'Boil water.', tags: ['tea'] },
    { version: 2, title: 'On tea', body: 'Boil fresh water.', tags: ['tea'] },
  ]);

  t.match((await visitor.get(`/post/${id}/on-black-tea`)).body, `<a href="/history/${id}">edited`);
  const list = (await visitor.get(`/history/${id}`)).body;
  t.match(
    list,
    /admin<\/a>.*Current version: 17 characters.*john<\/a>.*6 more than before.*john<\/a>.*Published/s,
  );
  t.match(list, '<meta name="robots" content="noindex">');
  const edit = (await visitor.get(`/history/${id}/1`)).body;
  t.match(edit, /Boil <ins><span class="visually-hidden">\[added\] <\/span>fresh /);
  t.match(edit, '1 added, 0 removed');
  const second = (await visitor.get(`/history/${id}/2`)).body;
  t.match(second, /<ins>.*black /);
  t.match(second, /<del>.*#tea/s, 'the title and tags count, too');
  t.equal(
    (await visitor.get(`/history/${id}/3`)).headers.location,
    `/history/${id}`,
    'nothing replaced it yet',
  );
  t.equal((await visitor.get(`/history/${id}/4`)).statusCode, 404);
});

t.test('markup in a version is shown as it was typed', async (t) => {
  const id = await writeEdited('<img src=x> *Boil* <b>water</b>.');
  const { body } = await visitor.get(`/history/${id}/1`);
  t.match(body, '&lt;img src=x&gt; *');
  t.notMatch(body, '<img src=x>');
});

t.test(
  'edits by one person within minutes count as one, and an edit that changes nothing as none',
  async (t) => {
    const id = await writeEdited();
    const fields = { title: 'On tea', tags: 'tea' };
    await author.post(`/edit/${id}`, { ...fields, body: 'Boil water.', visibility: 'unlisted' });
    t.same(await kept(), []);
    for (const body of ['One', 'Two', 'Three']) await author.post(`/edit/${id}`, { ...fields, body });
    t.match(await kept(), [{ body: 'Boil water.' }]);
    const asAdmin = await signedInClient(app, admin);
    await asAdmin.post(`/edit/${id}`, { ...fields, body: 'Four' });
    t.match(
      await kept(),
      [{ body: 'Boil water.' }, { body: 'Three' }],
      'another person’s edit is one of its own',
    );
    await passTime();
    await asAdmin.post(`/edit/${id}`, { ...fields, body: 'Five' });
    t.equal((await kept()).length, 3);
    await passTime();
    await asAdmin.post(`/edit/${id}`, { ...fields, title: 'On coffee', body: 'Five' });
    t.equal((await kept()).length, 4, 'a new title alone counts');
  },
);

t.test('if two edits race, the refused one leaves no version', async (t) => {
  const id = await writeEdited();
  const programs = [await ApiProgram.of(app, john), await ApiProgram.of(app, admin)];
  const answers = await Promise.all(
    programs.map((program, index) =>
      program.put(`/posts/${id}`, { body: `Edit ${index}` }, { 'if-match': '"1.x"' }),
    ),
  );
  t.same(answers.map(({ statusCode }) => statusCode).toSorted(), [200, 412]);
  t.match(await kept(), [{ version: 1, body: 'Boil water.' }]);
});

t.test('the newest versions are kept', async (t) => {
  const [id = 0] = await writePosts(app, john);
  for (let number = 2; number <= MAX_VERSIONS + 3; number += 1)
    await updatePost(app, id, await app.markdown.post(`Post ${number}`), undefined);
  const versions = await kept();
  t.equal(versions.length, MAX_VERSIONS);
  t.match(versions[0], { version: 3, body: 'Post 3' });
  t.match((await visitor.get(`/history/${id}`)).body, 'Older versions are not kept.');
});

t.test('the history of a hidden post is for moderators, and goes with the post', async (t) => {
  const id = await writeEdited('Boil fresh water.');
  await setPostDisabled(db, id, true);
  for (const [client, status] of [
    [visitor, 404],
    [author, 404],
    [moderator, 200],
  ] as const) {
    for (const path of [`/history/${id}`, `/history/${id}/1`])
      t.equal((await client.get(path)).statusCode, status, path);
  }
  const program = await ApiProgram.of(app, susan);
  for (const path of ['', '1', '2'])
    t.equal((await program.get(`/posts/${id}/versions/${path}`)).statusCode, 404);
  await deletePost(db, id);
  t.same(await kept(), []);
});

t.test('the author and moderators can delete the text of an earlier version', async (t) => {
  const id = await writeEdited('My password is tea.', 'Boil fresh water.', 'Boil water again.');
  const path = `/history/${id}/2`;
  t.notMatch((await reader.get(path)).body, 'Delete the version');
  t.equal((await reader.post(`${path}/delete`)).statusCode, 403);
  t.equal((await visitor.post(`${path}/delete`)).statusCode, 303, 'has to log in');
  t.equal(
    (await author.post(`/history/${id}/4/delete`)).statusCode,
    404,
    'the current version is not an earlier one',
  );
  t.match(await kept(), [{}, { body: 'My password is tea.' }, {}]);

  t.match((await author.get(path)).body, 'Yes, delete it');
  t.equal((await author.post(`${path}/delete`)).headers.location, `/history/${id}`);
  t.match(await kept(), [{ body: 'Boil water.' }, { title: null, body: null, tags: [] }, {}]);
  t.match((await visitor.get(`/history/${id}`)).body, /Deleted.*What changed/s);
  t.match((await visitor.get(path)).body, 'The earlier version has been deleted.');
  const former = (await visitor.get(`/history/${id}/1`)).body;
  t.match(former, /The later version has been deleted.*Boil water\./s);
  t.notMatch(former, /password|<ins>/);

  t.match((await moderator.get(`/history/${id}/3`)).body, 'The account’s owner can read it.');
  await moderator.post(`/history/${id}/3/delete`, { reason: 'An address' });
  const events = db
    .selectFrom('security_events')
    .select(['kind', 'actor_id', 'detail'])
    .where('kind', '=', 'version-deleted');
  t.same(await events.execute(), [
    { kind: 'version-deleted', actor_id: molly.id, detail: { post: id, reason: 'An address' } },
  ]);
});

t.test('the API lists, reads and deletes versions', async (t) => {
  const [other = 0] = await writePosts(app, susan);
  await updatePost(app, other, await app.markdown.post('Edited'), undefined);
  const id = await writeEdited('Boil fresh water.');
  const program = await ApiProgram.of(app, john);
  const { versions, count } = (await program.get(`/posts/${id}/versions/`)).json();
  t.equal(count, 2);
  t.match(versions, [
    { number: 2, writer_username: 'john', is_deleted: false },
    { url: `/api/v1/posts/${id}/versions/1`, number: 1, writer_username: 'john' },
  ]);
  const { url } = versions[1];
  t.match((await program.get(url)).json(), { title: 'On tea', body: 'Boil water.', tags: ['tea'] });
  t.equal((await (await ApiProgram.of(app, susan)).delete(url)).statusCode, 403);
  t.equal((await program.delete(url)).statusCode, 204);
  t.match((await program.get(url)).json(), { title: null, body: null, tags: [], is_deleted: true });
  const ofOther = await program.get(`/posts/${other}/versions/1`);
  t.match(ofOther.json(), { body: 'Post 1', is_deleted: false }, 'only those of this post');
});

t.test('no version outlives the account, even if its texts stay', async (t) => {
  const owner = await createUser(app, { username: 'owner' });
  const [id = 0] = await writePosts(app, owner);
  await updatePost(app, id, await app.markdown.post('Edited'), undefined);
  await sql`update users set deletion_due_at = now(), deletion_keeps_texts = true where id = ${owner.id}`.execute(
    db,
  );
  await eraseAccount(db, owner.id, { signal: new AbortController().signal });
  t.same(await kept(), []);
  t.match(await listVersions(db, id), [{ number: 2, writer: /^deleted\./ }]);
});
