import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../../src/domain/blocks/block.ts';
import { publishComment } from '../../../src/domain/comments/write.ts';
import { publishPost, setPostDisabled } from '../../../src/domain/posts/write.ts';
import { build } from '../../support/build.ts';
import { Client } from '../../support/client.ts';
import { createUser, signedInClient, type TestUser } from '../../support/factories.ts';

const app = await build(t, { FOLLOWERS_PER_PAGE: '3' });
const visitor = new Client(app);
const anna = await createUser(app, { username: 'anna' });
const ben = await createUser(app, { username: 'ben' });
const reader = await createUser(app, { username: 'reader' });
const client = await signedInClient(app, reader);

async function write({ id }: TestUser, title: string, body: string): Promise<number> {
  const rendered = await app.markdown.post(body);
  return (await publishPost(app, id, { ...rendered, title, addedTags: [] })).id;
}

/** The texts of the links in a section of a page, or those to people on the whole page. */
async function links(path: string, section: string | undefined, asked = client): Promise<string[]> {
  const { body } = await asked.get(path);
  const main = body.slice(body.indexOf('<main'));
  const part = section === undefined ? main : (main.split(`id="${section}"`)[1] ?? '').split('</section>')[0];
  const pattern =
    section === undefined || section === 'active' ? /<div>\n<a [^>]*>([^<]+)</g : /<li><a [^>]*>([^<]+)</g;
  return [...(part ?? '').matchAll(pattern)].map(([, text = '']) => text);
}

t.test('a post ends with recent ones that share the most tags', async (t) => {
  const id = await write(anna, 'Bread', '#bread #winter #cats');
  const both = await write(ben, 'Both', '#bread #winter');
  await write(anna, 'Unrelated', '#dogs');
  await write(anna, 'Cats', '#cats');
  await write(ben, 'Older bread', '#bread');
  await write(ben, 'Newer bread', '#bread');
  const related = () => links(`/post/${id}/bread`, 'related-title');
  t.same(await related(), ['Both', 'Newer bread', 'Older bread']);
  await setPostDisabled(app.db, both, true);
  t.same(await related(), ['Newer bread', 'Older bread', 'Cats']);
  await block(app.db, { blockerId: reader.id, blockedId: ben.id }, 'mute');
  t.same(await related(), ['Cats']);
  t.same(await links(`/post/${id}/bread`, 'related-title', visitor), ['Newer bread', 'Older bread', 'Cats']);
  const alone = await write(anna, 'Alone', 'No tags');
  t.notMatch((await client.get(`/post/${alone}/alone`)).body, 'Related posts');
});

t.test('Explore has popular tags, the conversations of the week, and who is active', async (t) => {
  for (let number = 0; number < 5; number += 1) await write(anna, 'Advertisement', '#ads');
  const talked = await write(anna, 'Talked about', '#owls');
  const quiet = await write(anna, 'Quiet', '#owls');
  const comment = async (postId: number, count: number, { id: authorId } = reader) => {
    for (let number = 0; number < count; number += 1) {
      const text = await app.markdown.comment('Yes');
      await publishComment({ db: app.db, queue: app.queue }, { postId, authorId, text });
    }
  };
  await comment(quiet, 1);
  await comment(talked, 3);
  t.same(await links('/explore', 'talk'), ['Talked about', 'Quiet']);
  await comment(quiet, 1, ben);
  t.same(await links('/explore', 'talk'), ['Quiet', 'Talked about'], 'two talk more than one');
  await sql`update comments set created_at = now() - interval '8 days' where post_id = ${talked}`.execute(
    app.db,
  );
  t.same(await links('/explore', 'talk'), ['Quiet']);
  t.same((await links('/explore', 'tags')).slice(0, 2), ['#bread', '#owls'], 'one person is one vote');
  t.same(await links('/explore', 'active', visitor), ['anna', 'ben']);
  t.same(await links('/explore', 'active'), ['anna'], 'without people the reader has muted');
});

t.test('the directory lists people in three orders, without closed and unconfirmed accounts', async (t) => {
  await createUser(app, { username: 'unconfirmed', isConfirmed: false });
  const suspended = await createUser(app, { username: 'suspended' });
  const closed = await createUser(app, { username: 'closed' });
  for (const { id } of [suspended, closed]) await write({ ...anna, id }, 'Spam', 'Spam');
  await sql`update users set suspended_until = 'infinity' where id = ${suspended.id}`.execute(app.db);
  await sql`update users set deletion_due_at = now() where id = ${closed.id}`.execute(app.db);
  const newest = await createUser(app, { username: 'newest' });
  await write(ben, 'Latest', 'Latest');

  t.same(await links('/people', undefined, visitor), ['newest', 'reader', 'ben']);
  const [, older] = /href="(\/people\?before=\d+)"/.exec((await visitor.get('/people')).body) ?? [];
  t.same(await links(String(older), undefined, visitor), ['anna']);
  t.same(await links('/people/active', undefined, visitor), ['anna', 'ben']);
  t.same(await links('/people/recent', undefined, visitor), ['ben', 'anna']);
  t.same(await links('/people/recent', undefined), ['anna'], 'without people the reader has muted');
  t.match((await client.get('/people')).body, 'Hidden from this page: 1 person by');
  t.equal((await visitor.get('/people?before=1')).statusCode, 404);
  for (const person of [reader, newest]) await write(person, 'Hello', 'Hello');
  t.same(await links('/people/recent', undefined, visitor), ['newest', 'reader', 'ben'], 'only one page');
});
