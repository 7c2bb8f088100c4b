import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { bookmark } from '../../src/domain/bookmarks/bookmark.ts';
import { publishComment } from '../../src/domain/comments/write.ts';
import { like } from '../../src/domain/likes/like.ts';
import { renderText } from '../../src/domain/mentions/render.ts';
import { notify } from '../../src/domain/notifications/notify.ts';
import { publishPost } from '../../src/domain/posts/write.ts';
import { followTag } from '../../src/domain/tags/follow.ts';

/** The account that can log in to the example site and has notifications there: Susan's. */
export const EXAMPLE_EMAIL = 'susan@example.com';

const PEOPLE = [
  {
    username: 'susan',
    name: 'Susan Bell',
    location: 'Leeds',
    about: 'Trains, letters, and the post between them.',
  },
  { username: 'tomas', name: 'Tomás Ruiz', location: 'Vigo', about: 'Bakes bread and keeps notes.' },
  { username: 'ines', name: 'Inês Costa', location: 'Porto', about: 'Reads old maps.' },
] as const;

type Username = (typeof PEOPLE)[number]['username'];

interface Post {
  readonly by: Username;
  readonly title?: string;
  readonly body: string;
  readonly addedTags?: string[];
  readonly likedBy: readonly Username[];
}

/** Newest first. */
const POSTS: readonly Post[] = [
  {
    by: 'susan',
    title: 'What a penny paid for',
    body: 'The first stamp cost a penny, and it carried a letter anywhere in the country. Before that, **the recipient** paid.',
    addedTags: ['history', 'letters'],
    likedBy: ['tomas', 'ines'],
  },
  {
    by: 'tomas',
    title: 'Sourdough, week three',
    body: 'It rises now. What changed:\n\n- warmer water, 27 °C\n- half the salt until the second fold\n- patience\n\nThe crust still *sings* when it comes out.',
    addedTags: ['bread'],
    likedBy: ['susan'],
  },
  {
    by: 'ines',
    body: 'Found a #map of 1571 that draws Ireland as an island with a river straight through it. Somebody must have been told so by a very confident sailor.',
    likedBy: [],
  },
  {
    by: 'susan',
    body: '> A letter always seemed to me like immortality.\n\nEmily Dickinson wrote that to a friend. I answer my mail with more care since.',
    addedTags: ['letters'],
    likedBy: ['ines'],
  },
];

/** On the newest post, each but the first in reply to the one before. */
const COMMENTS: readonly { readonly by: Username; readonly body: string }[] = [
  {
    by: 'tomas',
    body: 'And the recipient could refuse it. There were secret signs on the outside, so you could read it without paying.',
  },
  { by: 'susan', body: 'I did not know that. Is that why they are called *penny posts*?' },
  {
    by: 'ines',
    body: 'Some families drew a tiny map. @susan, I can show you one.',
  },
];

/**
 * Fills an empty site with a few people and recent posts, a thread, likes and notifications.
 *
 * @param app ready
 * @param password of all its people
 * @returns the id of the post with the thread
 */
export async function fillExampleSite(app: FastifyInstance, password: string): Promise<number> {
  const { db, queue } = app;
  const ids = await addPeople(app, password);
  await sql`insert into follows (follower_id, followed_id) select a.id, b.id from users a, users b where a.id <> b.id`.execute(
    db,
  );
  let postId = 0;
  for (const { by, body, likedBy, ...rest } of POSTS.toReversed()) {
    const text = await renderText(app, { kind: 'post', body, writerId: ids[by] });
    postId = (await publishPost({ db, queue }, ids[by], { ...text, ...rest })).id;
    for (const username of likedBy) await like({ db, queue }, { userId: ids[username], postId });
  }
  await addThread(app, ids, postId);
  await bookmark(db, { userId: ids.susan, postId: postId - 1 });
  await followTag(db, ids.susan, 'map');
  await sql`update posts set created_at = now() - (${postId}::int - id) * interval '17 hours' - interval '2 hours'`.execute(
    db,
  );
  await sql`update comments set created_at = now() - (4 - id) * interval '25 minutes'`.execute(db);
  await sql`update notifications set created_at = comments.created_at from comments where comments.id = comment_id`.execute(
    db,
  );
  await sql`update users set created_at = now() - interval '2 years'`.execute(db);
  return postId;
}

async function addPeople({ db, passwords }: FastifyInstance, password: string) {
  const passwordHash = await passwords.hash(password);
  const ids: Record<Username, number> = { susan: 0, tomas: 0, ines: 0 };
  for (const [index, { username, about, ...rest }] of PEOPLE.entries()) {
    const { id } = await db
      .insertInto('users')
      .values({
        ...rest,
        username,
        email: `${username}@example.com`,
        about_me: about,
        role: 'User',
        password_hash: passwordHash,
        confirmed_at: new Date(),
        avatar_seed: `3f0c2a56-8a5e-4d0e-9a53-${String(index + 1).repeat(12)}`,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    ids[username] = id;
  }
  return ids;
}

async function addThread(app: FastifyInstance, ids: Record<Username, number>, postId: number): Promise<void> {
  let parentId: number | undefined;
  for (const { by, body } of COMMENTS) {
    const text = await renderText(app, { kind: 'comment', body, writerId: ids[by] });
    const comment = await publishComment(app, { postId, authorId: ids[by], text, parentId });
    await notify(app, { about: 'comment', commentId: comment.id });
    parentId = comment.id;
  }
}
