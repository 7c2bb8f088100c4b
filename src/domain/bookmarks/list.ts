import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import type { MarkedPost } from '../likes/list.ts';
import { type CountedPage, inSlice, type Page, type PageRequest, readPage, rowCount } from '../page.ts';
import { type ListedPost, type PostSource, readListed, selectSources } from '../posts/list.ts';

/** Bookmarks are counted up to this. */
const MAX_COUNTED = 10_000;

/** Reads one page of a person's bookmarks, newest first. Leaves out hidden posts, and posts by people they have muted. */
export async function listBookmarks(db: Db, userId: number, page: PageRequest): Promise<Page<ListedPost>> {
  const marks = await readMarks(db, userId, page);
  const posts = await readListed(db, postsOf(db, marks.items));
  return { ...marks, items: inOrderOf(marks.items, posts) };
}

/** Reads one page of a person's bookmarks for the API. */
export async function listBookmarkSources(
  db: Db,
  userId: number,
  page: PageRequest,
): Promise<CountedPage<PostSource>> {
  const marks = await readMarks(db, userId, page);
  const posts = await selectSources(postsOf(db, marks.items)).execute();
  const some = db.selectFrom('bookmarks').select('id').where('user_id', '=', userId).limit(MAX_COUNTED);
  const { total } = await db
    .selectFrom(some.as('some'))
    .select(rowCount.as('total'))
    .executeTakeFirstOrThrow();
  return { ...marks, items: inOrderOf(marks.items, posts), total };
}

/** Marks hidden posts as muted too, to make every page cost the same. */
function readMarks(db: Db, userId: number, page: PageRequest): Promise<Page<MarkedPost>> {
  const marks = db.selectFrom('bookmarks').where('bookmarks.user_id', '=', userId);
  return readPage(page, 'desc', (slice) => {
    const found = inSlice(marks, 'bookmarks', slice).select(['bookmarks.id', 'bookmarks.post_id as postId']);
    return db
      .selectFrom(found.as('mark'))
      .innerJoin('posts', 'posts.id', 'mark.postId')
      .select(['mark.id', 'mark.postId'])
      .select(sql<boolean>`(posts.is_disabled or ${isMutedBy(userId, 'posts.author_id')})`.as('isMuted'))
      .orderBy('mark.id', slice.order)
      .execute();
  });
}

function postsOf(db: Db, marks: readonly MarkedPost[]) {
  const ids = marks.map(({ postId }) => postId);
  return db.selectFrom('posts').where('posts.id', '=', sql<number>`any(${ids}::int[])`);
}

function inOrderOf<Post extends { id: number }>(
  marks: readonly MarkedPost[],
  posts: readonly Post[],
): Post[] {
  const byId = new Map(posts.map((post) => [post.id, post]));
  return marks.flatMap(({ postId }) => byId.get(postId) ?? []);
}
