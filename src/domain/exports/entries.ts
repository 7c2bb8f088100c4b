import type { Db } from '../../database/schema.ts';

/** Rows per query: five megabytes of the longest texts. */
const PAGE = 100;

/** One file of an export. */
interface Entry {
  readonly name: string;
  content(): AsyncGenerator<string>;
}

interface Writing {
  readonly id: number;
  readonly postId: number;
  readonly body: string;
  readonly createdAt: Date;
}

interface Options {
  readonly userId: number;
  /** Called with the number of rows written since the last call. */
  readonly report: (rows: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** The files of an export. Each is read from the database while it is written. */
export function exportEntries(db: Db, options: Options): Entry[] {
  const posts = () => pagesOf(options, (range) => readPosts(db, options.userId, range));
  const comments = () => pagesOf(options, (range) => readComments(db, options.userId, range));
  return [
    { name: 'profile.json', content: () => profileJson(db, options.userId) },
    { name: 'muted-and-blocked.json', content: () => blocksJson(db, options.userId) },
    { name: 'posts.json', content: () => asJson(posts(), postJson) },
    { name: 'comments.json', content: () => asJson(comments(), commentJson) },
    { name: 'posts.md', content: () => asMarkdown('Posts', posts(), ({ id }) => `Post ${id}`) },
    {
      name: 'comments.md',
      content: () => asMarkdown('Comments', comments(), ({ postId }) => `On post ${postId}`),
    },
  ];
}

type Range = { afterId: number; limit: number; signal: AbortSignal };

function readPosts(db: Db, userId: number, { afterId, limit, signal }: Range): Promise<Writing[]> {
  return db
    .selectFrom('posts')
    .select(['id', 'id as postId', 'body', 'created_at as createdAt'])
    .where('author_id', '=', userId)
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute({ signal });
}

function readComments(db: Db, userId: number, { afterId, limit, signal }: Range): Promise<Writing[]> {
  return db
    .selectFrom('comments')
    .select(['id', 'post_id as postId', 'body', 'created_at as createdAt'])
    .where('author_id', '=', userId)
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute({ signal });
}

async function* pagesOf(
  { report, signal }: Options,
  read: (range: Range) => Promise<Writing[]>,
): AsyncGenerator<Writing[]> {
  for (let afterId = 0; ; ) {
    const rows = await read({ afterId, limit: PAGE, signal });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    await report(rows.length);
    signal.throwIfAborted();
    afterId = last.id;
  }
}

async function* profileJson(db: Db, userId: number): AsyncGenerator<string> {
  const { createdAt, aboutMe, twoFactorSince, ...profile } = await db
    .selectFrom('users')
    .select(['username', 'email', 'name', 'location', 'about_me as aboutMe', 'created_at as createdAt'])
    .select('totp_since as twoFactorSince')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
  yield `${JSON.stringify({ ...profile, about_me: aboutMe, member_since: createdAt.toISOString(), two_factor_since: twoFactorSince }, null, 2)}\n`;
}

async function* blocksJson(db: Db, userId: number): AsyncGenerator<string> {
  const blocks = await db
    .selectFrom('blocks')
    .innerJoin('users', 'users.id', 'blocks.blocked_id')
    .select(['users.username', 'blocks.kind', 'blocks.created_at as since'])
    .where('blocks.blocker_id', '=', userId)
    .orderBy('blocks.id')
    .execute();
  yield `${JSON.stringify(blocks, null, 2)}\n`;
}

async function* asJson(
  pages: AsyncIterable<Writing[]>,
  shape: (writing: Writing) => object,
): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const rows of pages) {
    yield separator + rows.map((row) => JSON.stringify(shape(row))).join(',\n');
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}

async function* asMarkdown(
  title: string,
  pages: AsyncIterable<Writing[]>,
  heading: (writing: Writing) => string,
): AsyncGenerator<string> {
  yield `# ${title}\n`;
  for await (const rows of pages) {
    yield rows
      .map((row) => `\n## ${heading(row)}, ${row.createdAt.toISOString()}\n\n${row.body.trim()}\n`)
      .join('');
  }
}

function postJson({ id, body, createdAt }: Writing): object {
  return { id, path: `/post/${id}`, timestamp: createdAt.toISOString(), body };
}

function commentJson({ id, postId, body, createdAt }: Writing): object {
  return { id, post_path: `/post/${postId}`, timestamp: createdAt.toISOString(), body };
}
