import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../src/domain/blocks/block.ts';
import { createDraft } from '../../src/domain/drafts/save.ts';
import { follow } from '../../src/domain/follows/follow.ts';
import { pinPost } from '../../src/domain/posts/pin.ts';
import { updatePost } from '../../src/domain/posts/write.ts';
import { followTag } from '../../src/domain/tags/follow.ts';
import { ApiProgram } from '../support/api.ts';
import { build } from '../support/build.ts';
import type { Client } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { storeImage } from '../support/images.ts';
import { writeComments, writePosts } from '../support/writing.ts';
import { MATRIX } from './authorization/matrix.ts';

/** The maximum number of queries per page for a signed-in reader, including the session's. */
const MOST = 5;

/** Counts a request's queries. */
async function countQueries({ pool }: FastifyInstance, request: () => Promise<unknown>): Promise<number> {
  let count = 0;
  const acquire = () => {
    count += 1;
  };
  pool.on('acquire', acquire);
  await request();
  pool.off('acquire', acquire);
  return count;
}

t.test('every page costs the same few queries with 1 row and with 50', async (t) => {
  const app = await build(t, { POSTS_PER_PAGE: '50', COMMENTS_PER_PAGE: '50' });
  const reader = await createUser(app, { username: 'reader', role: 'Administrator' });
  const author = await createUser(app, { username: 'author' });
  await follow(app, reader.id, author.id);
  await follow(app, author.id, reader.id);
  const [postId = 0] = await writePosts(app, author);
  const [commentId = 0] = await writeComments(app, author, postId);
  await pinPost(app.db, author.id, postId);
  await updatePost(app, postId, await app.markdown.post('Edited'), undefined);
  await followTag(app.db, reader.id, 'bread');
  await sql`update posts set tags = '{bread}'`.execute(app.db);
  await storeImage(app, reader.id);
  const client: Client = await signedInClient(app, reader);

  const pages = [
    '/',
    '/?followed',
    `/post/${postId}`,
    '/user/author',
    '/user/author/subscribe',
    '/tag/bread',
    '/followed-tags',
    '/followers/author',
    '/followed-by/author',
    '/moderate',
    '/moderate/reports',
    `/moderate/people/${author.id}`,
    `/edit/${postId}`,
    `/comment/${commentId}/edit`,
    `/comment/${commentId}/reply`,
    `/report/post/${postId}`,
    `/report/comment/${commentId}`,
    `/report/person/${author.id}`,
    `/people/complete?q=f&post=${postId}`,
    '/edit-profile',
    '/edit-profile/mails',
    '/your-data',
    '/archive',
    '/blocks',
    '/explore',
    '/people',
    '/people/active',
    '/people/recent',
    '/search?q=post',
    '/search?q=comment&type=comments',
    '/search?q=f&type=people',
    '/bookmarks',
    '/write',
    '/drafts',
    `/likes/${postId}`,
    `/history/${postId}`,
    `/history/${postId}/1`,
    '/auth/security',
    '/edit-profile/picture',
    '/images',
    `/edit-profile/${author.id}`,
    '/auth/activity',
    '/admin/activity?username=reader',
    '/admin/people',
    '/admin/people?order=reported',
    ...[`/admin/people/${author.id}`, `/admin/people/${author.id}/mails`],
    '/admin/settings',
    '/admin/invitations',
    '/moderate/applications',
    '/notifications',
  ];
  const measure = async (url: string) => {
    await client.get(url === '/?followed' ? '/followed' : '/all');
    return countQueries(app, async () => t.equal((await client.get(url)).statusCode, 200, url));
  };

  const few = new Map<string, number>();
  for (const url of pages) few.set(url, await measure(url));

  await writePosts(app, author, 49);
  await writeComments(app, author, postId, 49);
  await sql`update posts set tags = '{bread}'`.execute(app.db);
  await sql`insert into tag_follows (user_id, tag) select ${reader.id}, 't' || generate_series(1, 49)`.execute(
    app.db,
  );
  // Half of them are replies.
  await sql`
    update comments set parent_id = ${commentId}, root_id = ${commentId} where id > ${commentId} and id % 2 = 0
  `.execute(app.db);
  await sql`
    insert into notifications (recipient_id, kind, cause, actor_id, post_id)
    select ${reader.id}, 'like', n, ${author.id}, ${postId} from generate_series(1, 49) as n
  `.execute(app.db);
  await sql`
    insert into post_versions (post_id, version, body, added_tags, written_at)
    select ${postId}, n, 'Version', '{}', now() from generate_series(2, 50) as n
  `.execute(app.db);
  await sql`update posts set version = 51 where id = ${postId}`.execute(app.db);
  await sql`
    insert into security_events (kind, user_id, actor_id)
    select 'post-edited', ${reader.id}, ${author.id} from generate_series(1, 49)
  `.execute(app.db);
  for (let number = 1; number <= 49; number += 1) {
    const { id } = await app.db
      .insertInto('users')
      .values({
        email: `f${number}@example.com`,
        username: `f${number}`,
        role: 'User',
        password_hash: '',
        confirmed_at: null,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await follow(app, id, author.id);
    await follow(app, author.id, id);
    await storeImage(app, reader.id);
    await block(app.db, { blockerId: reader.id, blockedId: id }, 'mute');
  }

  for (const url of pages) {
    const many = await measure(url);
    t.equal(many, few.get(url), `${url}: ${many} queries, however many rows`);
    t.ok(many <= MOST, `${url}: at most ${MOST}`);
  }
});

t.test('every API call costs the same few queries with 1 row and with 50', async (t) => {
  // The quota's counts are written in the background.
  const app = await build(t, { POSTS_PER_PAGE: '50', COMMENTS_PER_PAGE: '50', RATE_LIMITS: 'off' });
  const author = await createUser(app, { username: 'author' });
  const [postId = 0] = await writePosts(app, author);
  const [commentId] = await writeComments(app, author, postId);
  await updatePost(app, postId, await app.markdown.post('Edited'), undefined);
  const { id: draftId } = await createDraft(app.db, author.id, { title: '', body: 'Soon', tags: '' });
  const { key } = await storeImage(app, author.id);
  const program = await ApiProgram.of(app, author);
  await program.get('/posts/'); // The first use of a token is recorded.

  const calls = {
    '/posts/': 3,
    '/tags/bread/posts/': 3,
    [`/posts/${postId}`]: 2,
    [`/users/${author.id}/posts/`]: 4, // One counts the caller’s own unlisted posts.
    [`/users/${author.id}/timeline/`]: 3,
    [`/users/${author.id}`]: 2,
    '/users/by-username/author': 2,
    [`/users/${author.id}/followers/`]: 3,
    [`/users/${author.id}/followed/`]: 3,
    [`/posts/${postId}/likes/`]: 3,
    '/me': 3,
    '/blocks/': 3,
    '/bookmarks/': 4,
    '/followed-tags/': 2,
    '/drafts/': 2,
    [`/drafts/${draftId}`]: 2,
    '/images/': 3,
    [`/images/${key}`]: 2,
    [`/posts/${postId}/versions/`]: 3,
    [`/posts/${postId}/versions/1`]: 3,
    '/search?q=post': 3,
    '/search?q=author&type=people': 2,
    [`/posts/${postId}/comments/`]: 3,
    '/comments/': 3,
    [`/comments/${commentId}`]: 2,
    '/notifications/': 4,
  };
  for (const { route } of MATRIX) {
    if (!/^GET \/api\/v1\/(?!docs|openapi)/.test(route)) continue;
    const pattern = new RegExp(`^${route.slice('GET /api/v1'.length).replaceAll(/:\w+/g, '[^/]+')}(\\?|$)`);
    t.ok(
      Object.keys(calls).some((path) => pattern.test(path)),
      `${route} is measured`,
    );
  }
  for (const rows of [1, 50]) {
    for (const [path, expected] of Object.entries(calls)) {
      const count = await countQueries(app, async () =>
        t.equal((await program.get(path)).statusCode, 200, path),
      );
      t.equal(count, expected, `${path} at ${rows} rows`);
    }
    await writePosts(app, author, 49);
    await writeComments(app, author, postId, 49);
  }
});
