import fc from 'fast-check';
import { sql } from 'kysely';
import t from 'tap';
import type { Db } from '../../src/database/schema.ts';
import { block } from '../../src/domain/blocks/block.ts';
import {
  listAllCommentSources,
  listAllComments,
  listCommentSources,
} from '../../src/domain/comments/list.ts';
import { listThreads, locateComment } from '../../src/domain/comments/threads.ts';
import { follow, unfollow } from '../../src/domain/follows/follow.ts';
import { listFollowed, listFollowers } from '../../src/domain/follows/list.ts';
import { countRows, LAST_NUMBERED_PAGE, type Page, type PageRequest } from '../../src/domain/page.ts';
import { findProfile } from '../../src/domain/people/find.ts';
import { listPostSources, listPosts } from '../../src/domain/posts/list.ts';
import { listFollowedPosts, listFollowedSources } from '../../src/domain/posts/list-followed.ts';
import { deletePost } from '../../src/domain/posts/write.ts';
import { buildShared } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { writeComments, writePosts, writeReply } from '../support/writing.ts';

const NAMES = ['ann', 'bob', 'cid'];

const emptied = await buildShared(t);

async function setUp() {
  const app = await emptied();
  const people = [];
  for (const username of NAMES) people.push(await createUser(app, { username }));
  const [ann, bob, cid] = people;
  if (ann === undefined || bob === undefined || cid === undefined) throw new Error('somebody is missing');
  return { app, db: app.db, people, ann, bob, cid };
}

const DEADLOCK = '40P01';

/** A statement aborted because of a deadlock changes nothing, so the counters must still be correct. */
function ignoreDeadlock(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === DEADLOCK)) throw error;
}

/** Finds wrong counters. */
async function miscounted(db: Db): Promise<unknown[]> {
  const { rows } = await sql`
    select 'user ' || username as what from users
    where post_count <> (select count(*) from posts where author_id = users.id)
      or comment_count <> (select count(*) from comments where author_id = users.id)
      or follower_count <> (select count(*) from follows where followed_id = users.id)
      or followed_count <> (select count(*) from follows where follower_id = users.id)
    union all
    select 'post ' || id from posts
    where comment_count <> (select count(*) from comments where post_id = posts.id)
  `.execute(db);
  return rows;
}

t.test('counters stay correct, whatever is written and deleted concurrently', async (t) => {
  const { app, db, people } = await setUp();
  const person = fc.nat(people.length - 1);
  const action = fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), by: person }),
    fc.record({ kind: fc.constant('comment' as const), by: person, on: fc.nat(50) }),
    fc.record({ kind: fc.constant('follow' as const), by: person, whom: person }),
    fc.record({ kind: fc.constant('unfollow' as const), by: person, whom: person }),
    fc.record({ kind: fc.constant('delete post' as const), which: fc.nat(50) }),
    fc.record({ kind: fc.constant('delete comments' as const), by: person }),
  );
  const idOf = (index: number) => people[index]?.id ?? 0;
  const somePost = async (which: number) => {
    const ids = await db.selectFrom('posts').select('id').orderBy('id').execute();
    return ids[which % Math.max(1, ids.length)]?.id ?? 0;
  };
  const act = async (
    todo: typeof action extends fc.Arbitrary<infer Action> ? Action : never,
  ): Promise<unknown> => {
    const { kind } = todo;
    if (kind === 'publish') return writePosts(app, { id: idOf(todo.by) });
    if (kind === 'follow') return follow(app, idOf(todo.by), idOf(todo.whom));
    if (kind === 'unfollow') return unfollow(db, idOf(todo.by), idOf(todo.whom));
    if (kind === 'delete comments')
      return db.deleteFrom('comments').where('author_id', '=', idOf(todo.by)).execute();
    const postId = await somePost('which' in todo ? todo.which : todo.on);
    if (kind === 'delete post') return deletePost(db, postId);
    // The post may have been deleted in the meantime.
    return writeComments(app, { id: idOf(todo.by) }, postId).catch(() => undefined);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(action, { maxLength: 6 }), { maxLength: 8 }), async (rounds) => {
      for (const atOnce of rounds) {
        await Promise.all(atOnce.map((todo) => act(todo).catch(ignoreDeadlock)));
      }
      t.same(await miscounted(db), []);
    }),
    { numRuns: 25 },
  );
  await db.deleteFrom('users').where('id', '=', idOf(0)).execute();
  t.same(await miscounted(db), [], 'after deleting a person with everything they wrote');
});

type Read = (page: PageRequest) => Promise<Page<{ readonly id: number }>>;

const ids = (rows: readonly { readonly id: number }[]) => rows.map(({ id }) => id);

/** Reads a list from its first page to its last and back by cursor. */
async function walk(read: Read, order: 'asc' | 'desc', size: number) {
  const walkFrom = async (start: PageRequest, direction: 'older' | 'newer') => {
    const pages: number[][] = [];
    for (let request: PageRequest | undefined = start; request !== undefined; ) {
      const page: Page<{ readonly id: number }> = await read(request);
      pages.push(ids(page.items));
      const { older, newer } = page;
      if (direction === 'older') request = older === undefined ? undefined : { before: older, size };
      else request = newer === undefined ? undefined : { after: newer, size };
    }
    return pages;
  };
  const [ahead, back] = order === 'desc' ? (['older', 'newer'] as const) : (['newer', 'older'] as const);
  const there = await walkFrom({ size }, ahead);
  const andBack = await walkFrom({ number: -1, size }, back);
  return { there: there.flat(), back: andBack.reverse().flat(), last: andBack.at(-1) };
}

t.test('every list can be read from end to end, by cursor and by number', async (t) => {
  const { app, db, ann, bob, cid } = await setUp();
  for (const author of [ann, bob, cid, bob]) await writePosts(app, author, 5);
  await deletePost(db, 7);
  await deletePost(db, 3);
  // Not in the order of their ids, as after an import.
  await sql`update posts set created_at = now() - (id * 13 % 31) * interval '1 day'`.execute(db);
  await follow(app, ann.id, bob.id);
  const [{ id: postId } = { id: 0 }] = await db.selectFrom('posts').select('id').limit(1).execute();
  for (const [author, count] of [
    [cid, 9],
    [bob, 4],
    [cid, 8],
  ] as const)
    await writeComments(app, author, postId, count);
  // Cid follows both, but has muted Bob.
  await follow(app, cid.id, ann.id);
  await follow(app, cid.id, bob.id);
  await block(db, { blockerId: cid.id, blockedId: bob.id }, 'mute');
  for (let number = 1; number <= 9; number += 1) {
    const fan = await createUser(app, { username: `fan${number}` });
    await follow(app, fan.id, ann.id);
    await follow(app, ann.id, fan.id);
  }

  const posts = await db
    .selectFrom('posts')
    .select(['id', 'author_id'])
    .orderBy('created_at', 'desc')
    .execute();
  const comments = await db.selectFrom('comments').select(['id', 'author_id']).orderBy('id').execute();
  const follows = await db.selectFrom('follows').selectAll().orderBy('id', 'desc').execute();
  const profile = await findProfile(db, 'ann', null);
  const post = { postId, commentCount: comments.length };
  const ofAnn = posts.filter(({ author_id }) => author_id === ann.id);
  const notOfBob = posts.filter(({ author_id }) => author_id !== bob.id);
  const byCid = comments.filter(({ author_id }) => author_id === cid.id);
  const reader = await findProfile(db, 'cid', null);
  const ofAnnAndBob = posts.filter(({ author_id }) => author_id !== cid.id);
  const lists: Record<string, [expected: { id: number }[], order: 'asc' | 'desc', read: Read]> = {
    posts: [posts, 'desc', (page) => listPosts(db, {}, page)],
    'posts for programs': [posts, 'desc', (page) => listPostSources(db, {}, page)],
    'posts of ann': [ofAnn, 'desc', (page) => listPosts(db, { author: profile }, page)],
    'followed posts': [ofAnnAndBob, 'desc', (page) => listFollowedPosts(db, profile, page)],
    'followed posts for programs': [ofAnnAndBob, 'desc', (page) => listFollowedSources(db, profile, page)],
    'followed posts for cid': [notOfBob, 'desc', (page) => listFollowedPosts(db, reader, page)],
    'comments of a post': [comments, 'asc', (page) => listThreads(db, { postId }, page)],
    'comments of a post for programs': [comments, 'asc', (page) => listCommentSources(db, post, page)],
    comments: [comments.toReversed(), 'desc', (page) => listAllComments(db, page)],
    followers: [
      follows.filter(({ followed_id }) => followed_id === ann.id),
      'desc',
      (page) => listFollowers(db, ann.id, page),
    ],
    'followed people': [
      follows.filter(({ follower_id }) => follower_id === ann.id),
      'desc',
      (page) => listFollowed(db, ann.id, page),
    ],
  };
  for (const [name, [rows, order, read]] of Object.entries(lists)) {
    const expected = ids(rows);
    for (const size of [1, 3, 7, expected.length, 100]) {
      const what = `${name}, ${size} on a page`;
      const { there, back } = await walk(read, order, size);
      t.same(there, expected, what);
      t.same(back, expected, `${what}, from the end`);
      const numbered: number[] = [];
      for (let number = 1; number <= Math.ceil(expected.length / size); number += 1) {
        const page = await read({ number, size });
        numbered.push(...ids(page.items));
        t.equal(
          page.newer === undefined,
          page.items.at(order === 'desc' ? 0 : -1)?.id === expected.at(order === 'desc' ? 0 : -1),
        );
        t.equal(
          page.older === undefined,
          page.items.at(order === 'desc' ? -1 : 0)?.id === expected.at(order === 'desc' ? -1 : 0),
        );
      }
      t.same(numbered, expected, `${what}, by number`);
      t.same(ids((await read({ number: -1, size })).items), expected.slice(-size), `${what}, the last`);
      const beyond = await read({ number: LAST_NUMBERED_PAGE, size });
      t.same(beyond, { ...beyond, items: [], newer: undefined, older: undefined }, `${what}, beyond the end`);
    }
    await t.rejects(read({ number: LAST_NUMBERED_PAGE + 1, size: 1 }), { code: 'not-found' });
  }

  // These have the same pages for everyone, some of them shorter or empty.
  const readerId = cid.id;
  const shorter: typeof lists = {
    posts: [notOfBob, 'desc', (page) => listPosts(db, { readerId }, page)],
    'posts for programs': [notOfBob, 'desc', (page) => listPostSources(db, { readerId }, page)],
    comments: [byCid, 'asc', (page) => listThreads(db, { postId, readerId }, page)],
    'comments for programs': [byCid, 'asc', (page) => listCommentSources(db, { ...post, readerId }, page)],
    'all comments': [byCid.toReversed(), 'desc', (page) => listAllCommentSources(db, { readerId }, page)],
  };
  for (const [name, [rows, order, read]] of Object.entries(shorter)) {
    for (const size of [1, 3, 7, 100]) {
      const { there, back } = await walk(read, order, size);
      t.same(there, ids(rows), `${name} that cid sees, ${size} on a page`);
      t.same(back, ids(rows), `${name} that cid sees, ${size} on a page, from the end`);
    }
  }
});

t.test('threads can be read from end to end, and every comment is on its page', async (t) => {
  const { app, db, ann, bob } = await setUp();
  const [postId = 0] = await writePosts(app, ann);
  const comments = await writeComments(app, ann, postId, 4);
  const threadOf = new Map(comments.map((id) => [id, id]));
  for (const which of [0, 2, 0, 4, 3, 5, 0, 1, 7, 2, 4]) {
    const parentId = [...threadOf.keys()][which] ?? 0;
    threadOf.set(await writeReply(app, bob, { postId, parentId }), threadOf.get(parentId) ?? 0);
  }
  for (const removed of [comments[2] ?? 0, [...threadOf.keys()][5] ?? 0]) {
    await db.deleteFrom('comments').where('id', '=', removed).execute();
    threadOf.delete(removed);
  }
  const expected = [...threadOf].sort(([a, one], [b, other]) => one - other || a - b).map(([id]) => id);
  const read = (page: PageRequest) => listThreads(db, { postId }, page);
  for (const size of [1, 3, 7, 100]) {
    const { there, back } = await walk(read, 'asc', size);
    t.same(there, expected, `${size} on a page`);
    t.same(back, expected, `${size} on a page, from the end`);
    const last = await read({ number: Math.ceil(expected.length / size), size });
    t.equal(last.items.at(-1)?.id, expected.at(-1));
    for (const id of expected) {
      const { place } = await locateComment(db, id, size);
      t.ok(ids((await read({ ...place, size })).items).includes(id), `${id}, ${size} on a page`);
    }
  }
});

t.test('reading a list continues at the same place while posts are published', async (t) => {
  const { app, db, ann } = await setUp();
  const written = (await writePosts(app, ann, 6)).toReversed();
  const first = await listPosts(db, {}, { size: 2 });
  await writePosts(app, ann, 3);
  const second = await listPosts(db, {}, { before: first.older, size: 2 });
  t.same(ids(second.items), written.slice(2, 4));
  t.same((await listPosts(db, {}, { after: second.newer, size: 2 })).items, first.items);
});

t.test('tables are counted exactly up to 10,000 rows and estimated beyond', async (t) => {
  const { app, db, ann } = await setUp();
  t.equal(await countRows(db, 'posts'), 0);
  await writePosts(app, ann, 2);
  t.equal(await countRows(db, 'posts'), 2);
  const publish = (count: number) =>
    db.transaction().execute(async (trx) => {
      await sql`set local session_replication_role = replica`.execute(trx); // Triggers take most of the time.
      await sql`
        insert into posts (author_id, body, body_html) select ${ann.id}, 'x', 'x' from generate_series(1, ${count}::int)
      `.execute(trx);
    });
  await publish(9_998);
  t.equal(await countRows(db, 'posts'), 10_000);
  await publish(10_000);
  t.ok((await countRows(db, 'posts')) > 10_000, 'before the statistics know of it');
  await sql`analyze posts`.execute(db);
  t.equal(await countRows(db, 'posts'), 20_000);
});
