import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { pathOfPost } from '../posts/path.ts';
import { cursorOf } from '../posts/position.ts';
import { type FormerVersion, readFormerVersions } from '../posts/versions.ts';
import { visibilityOf } from '../posts/visibility.ts';
import { asJson, type Entry, type Options, PAGE_SIZE } from './entry.ts';

interface Writing {
  readonly id: number;
  readonly cursor?: number;
  readonly body: string;
  readonly createdAt: Date;
  readonly editedAt: Date | null;
}

interface WrittenPost extends Writing {
  readonly title: string | null;
  readonly tags: readonly string[];
  readonly isUnlisted: boolean;
}

interface WrittenComment extends Writing {
  readonly postId: number;
  /** The comment that it replies to. */
  readonly parentId: number | null;
}

/** A person's posts and comments, as JSON and as Markdown. */
export function writings(db: Db, options: Options): Entry[] {
  const posts = () => pagesOf(options, (range) => readPosts(db, options.userId, range));
  const comments = () => pagesOf(options, (range) => readComments(db, options.userId, range));
  return [
    { name: 'posts.json', content: () => asJson(posts(), postJson) },
    { name: 'former-versions.json', content: () => asJson(formerVersions(db, options), versionJson) },
    { name: 'comments.json', content: () => asJson(comments(), commentJson) },
    {
      name: 'posts.md',
      content: () => asMarkdown('Posts', posts(), ({ id, title }) => title ?? `Post ${id}`),
    },
    {
      name: 'comments.md',
      content: () => asMarkdown('Comments', comments(), ({ postId }) => `On post ${postId}`),
    },
  ];
}

/** The rows to read after a cursor. Posts are ordered by date, comments by id. */
type Range = { after: number; limit: number; signal: AbortSignal };

function readPosts(db: Db, userId: number, { after, limit, signal }: Range): Promise<WrittenPost[]> {
  return db
    .selectFrom('posts')
    .select(['id', 'title', 'body', 'tags', 'is_unlisted as isUnlisted'])
    .select(['created_at as createdAt', 'edited_at as editedAt'])
    .select(cursorOf('posts'))
    .where('author_id', '=', userId)
    .where('position', '>', sql<string>`${after}`)
    .orderBy('position')
    .limit(limit)
    .execute({ signal });
}

/** Former versions, one post at a time, because a page of posts could have five thousand of them. */
async function* formerVersions(db: Db, { userId, signal }: Options): AsyncGenerator<FormerVersion[]> {
  const silent = { userId, signal, report: async () => {} };
  for await (const posts of pagesOf(silent, (range) => readPosts(db, userId, range))) {
    for (const { id, editedAt } of posts) {
      if (editedAt !== null) yield await readFormerVersions(db, id);
    }
  }
}

function versionJson({ postId, title, body, addedTags, writtenAt }: FormerVersion): object {
  return { post_path: `/post/${postId}`, timestamp: writtenAt, title, body, tags: addedTags };
}

function readComments(db: Db, userId: number, { after, limit, signal }: Range): Promise<WrittenComment[]> {
  return db
    .selectFrom('comments')
    .select(['id', 'post_id as postId', 'parent_id as parentId', 'body'])
    .select(['created_at as createdAt', 'edited_at as editedAt'])
    .where('author_id', '=', userId)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute({ signal });
}

async function* pagesOf<Row extends Writing>(
  { report, signal }: Options,
  read: (range: Range) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  for (let after = 0; ; ) {
    const rows = await read({ after, limit: PAGE_SIZE, signal });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    await report(rows.length);
    after = last.cursor ?? last.id;
  }
}

async function* asMarkdown<Row extends Writing>(
  title: string,
  pages: AsyncIterable<Row[]>,
  heading: (writing: Row) => string,
): AsyncGenerator<string> {
  yield `# ${title}\n`;
  for await (const rows of pages) {
    yield rows
      .map((row) => `\n## ${heading(row)}, ${row.createdAt.toISOString()}\n\n${row.body.trim()}\n`)
      .join('');
  }
}

function postJson({ id, title, body, tags, isUnlisted, createdAt, editedAt }: WrittenPost): object {
  const path = pathOfPost({ id, title });
  const visibility = visibilityOf(isUnlisted);
  return { id, path, timestamp: createdAt, edited: editedAt, visibility, title, body, tags };
}

function commentJson({ id, postId, parentId, body, createdAt, editedAt }: WrittenComment): object {
  const paths = { post_path: `/post/${postId}`, in_reply_to: parentId && `/comment/${parentId}` };
  return { id, ...paths, timestamp: createdAt, edited: editedAt, body };
}
