import fc from 'fast-check';
import { sql } from 'kysely';
import t, { type Test } from 'tap';
import { listAllComments, listComments } from '../../src/domain/comments/list.ts';
import { follow, unfollow } from '../../src/domain/follows/follow.ts';
import { listFollowed, listFollowers } from '../../src/domain/follows/list.ts';
import { findByUsername, findProfile } from '../../src/domain/people/find.ts';
import { findPost, listPosts } from '../../src/domain/posts/list.ts';
import { listFollowedPosts, listFollowedSources } from '../../src/domain/posts/list-followed.ts';
import { deletePost } from '../../src/domain/posts/write.ts';
import type { Db } from '../../src/schema.ts';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { writeComments, writePosts } from '../support/writing.ts';

/** Where ids begin, so that the few there are lie in two blocks of 4,096. */
const JUST_BEFORE_A_BLOCK = 4_090;

const NAMES = ['ann', 'bob', 'cid'];

async function setUp(t: Test) {
  const app = await build(t);
  await sql`alter table posts alter id restart with ${sql.lit(JUST_BEFORE_A_BLOCK)}`.execute(app.db);
  await sql`alter table comments alter id restart with ${sql.lit(JUST_BEFORE_A_BLOCK)}`.execute(app.db);
  const people = [];
  for (const username of NAMES) people.push(await createUser(app, { username }));
  const [ann, bob, cid] = people;
  if (ann === undefined || bob === undefined || cid === undefined) throw new Error('somebody is missing');
  return { app, db: app.db, people, ann, bob, cid };
}

const DEADLOCK = '40P01';

/** A statement that PostgreSQL ended to resolve a deadlock has changed nothing, so the counters must still be right. */
function ignoreDeadlock(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === DEADLOCK)) throw error;
}

/** What stands in the counters and is not so. */
async function miscounted(db: Db): Promise<unknown[]> {
  const { rows } = await sql`
    select 'user ' || username as what from users
    where post_count <> (select count(*) from posts where author_id = users.id)
      or comment_count <> (select count(*) from comments where author_id = users.id)
      or follower_count <> (select count(*) from follows where followed_id = users.id and follower_id <> users.id)
      or followed_count <> (select count(*) from follows where follower_id = users.id and followed_id <> users.id)
    union all
    select 'post ' || id from posts
    where comment_count <> (select count(*) from comments where post_id = posts.id)
    union all
    select list || ' block ' || block from id_blocks
    where rows <> (
      select count(*) from (select 'posts' as name, id from posts union all select 'comments', id from comments) as rows
      where name = list and id >> 12 = block
    )
    union all
    select 'posts in all' where coalesce((select rows from list_totals where list = 'posts'), 0) <> (select count(*) from posts)
    union all
    select 'comments in all' where coalesce((select rows from list_totals where list = 'comments'), 0) <> (select count(*) from comments)
  `.execute(db);
  return rows;
}

t.test('whatever is written and deleted, at once or one by one, the counters are right', async (t) => {
  const { app, db, people } = await setUp(t);
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
    if (kind === 'follow') return follow(db, idOf(todo.by), idOf(todo.whom));
    if (kind === 'unfollow') return unfollow(db, idOf(todo.by), idOf(todo.whom));
    if (kind === 'delete comments')
      return db.deleteFrom('comments').where('author_id', '=', idOf(todo.by)).execute();
    const postId = await somePost('which' in todo ? todo.which : todo.on);
    if (kind === 'delete post') return deletePost(db, postId);
    // The post may be deleted meanwhile.
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
  t.same(await miscounted(db), [], 'after somebody is gone with all they wrote');
});

t.test('every page of every list has what it should, however it is found', async (t) => {
  const { app, db, ann, bob, cid } = await setUp(t);
  for (const author of [ann, bob, cid, bob]) await writePosts(app, author, 5);
  await deletePost(db, 4_097);
  await deletePost(db, 4_093);
  await follow(db, ann.id, bob.id);
  const [{ id: postId } = { id: 0 }] = await db.selectFrom('posts').select('id').limit(1).execute();
  await writeComments(app, cid, postId, 17);
  for (let number = 1; number <= 9; number += 1) {
    const fan = await createUser(app, { username: `fan${number}` });
    await follow(db, fan.id, ann.id);
    await follow(db, ann.id, fan.id);
  }

  const posts = await db.selectFrom('posts').select(['id', 'author_id']).orderBy('id', 'desc').execute();
  const comments = await db.selectFrom('comments').select('id').orderBy('id').execute();
  const fans = await db
    .selectFrom('follows')
    .innerJoin('users', 'users.id', 'follower_id')
    .select('username')
    .where('followed_id', '=', ann.id)
    .where('follower_id', '<>', ann.id)
    .orderBy('follows.created_at', 'desc')
    .execute();
  const followed = ['bob', ...fans.map(({ username }) => username).reverse()].reverse();
  const profile = await findProfile(db, 'ann', null);
  const named = (await findByUsername(db, 'ann')) ?? profile;
  const post = (await findPost(db, postId)) ?? { id: 0, commentCount: 0 };
  const ids = (rows: readonly { id: number }[]) => rows.map(({ id }) => id);
  const ofAnnAndBob = posts.filter(({ author_id }) => author_id !== cid.id);
  const names = (rows: readonly { username: string }[]) => rows.map(({ username }) => username);

  for (const size of [1, 3, 7, 100]) {
    const lists = {
      posts: [ids(posts), async (number: number) => ids((await listPosts(db, {}, { number, size })).items)],
      'posts of ann': [
        ids(posts.filter(({ author_id }) => author_id === ann.id)),
        async (number: number) => ids((await listPosts(db, { author: profile }, { number, size })).items),
      ],
      'followed posts': [
        ids(ofAnnAndBob),
        async (number: number) => ids((await listFollowedPosts(db, profile, { number, size })).items),
      ],
      'followed posts for programs': [
        ids(ofAnnAndBob),
        async (number: number) => ids((await listFollowedSources(db, profile, { number, size })).items),
      ],
      'comments of a post': [
        ids(comments),
        async (number: number) => ids((await listComments(db, post, { number, size })).items),
      ],
      comments: [
        ids(comments).toReversed(),
        async (number: number) => ids((await listAllComments(db, { number, size })).items),
      ],
      followers: [
        names(fans),
        async (number: number) => names((await listFollowers(db, named, { number, size })).items),
      ],
      'followed people': [
        followed,
        async (number: number) => names((await listFollowed(db, named, { number, size })).items),
      ],
    } as const;
    for (const [name, [expected, read]] of Object.entries(lists)) {
      const pages = Math.ceil(expected.length / size);
      const found: (string | number)[] = [];
      for (let number = 1; number <= pages; number += 1) found.push(...(await read(number)));
      t.same(found, expected, `${name}, ${size} on a page`);
      const last = expected.slice((pages - 1) * size);
      t.same(await read(-1), last, `the last page of ${name}, ${size} on a page`);
      t.same(await read(2 ** 31 - 1), last, 'beyond it is the last as well');
    }
  }
});

t.test('the Followed tab knows whether there is a next page, and never shows an empty one', async (t) => {
  const { app, db, ann } = await setUp(t);
  const reader = { id: ann.id, followedCount: 0 };
  const placeOf = async (number: number, size: number) => {
    const page = await listFollowedPosts(db, reader, { number, size });
    return [page.number, page.count, page.items.length];
  };
  t.same(await placeOf(1, 2), [1, 1, 0]);
  t.same(await placeOf(5, 2), [1, 1, 0]);
  await writePosts(app, ann, 4);
  t.same(await placeOf(1, 2), [1, 2, 2]);
  t.same(await placeOf(2, 2), [2, 2, 2]);
  t.same(await placeOf(3, 2), [2, 2, 2]);
  t.same(await placeOf(1, 4), [1, 1, 4]);
});
