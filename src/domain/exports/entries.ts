import type { Db } from '../../database/schema.ts';
import { type ApiToken, listTokens } from '../api-tokens/list.ts';
import { type Following, listFollowed, listFollowers } from '../follows/list.ts';
import { type ListedNotification, listNotifications } from '../notifications/list.ts';
import { findMailChoices } from '../people/mail-choices.ts';
import { findPicture } from '../pictures/find.ts';
import { listOwnEvents, type OwnEvent } from '../security-events/list.ts';
import { type ListedSession, listSessions } from '../sessions/list.ts';

/** Rows per query: five megabytes of the longest texts. */
const PAGE = 100;

/** One file of an export. */
interface Entry {
  readonly name: string;
  content(): AsyncGenerator<string | Buffer>;
}

interface Writing {
  readonly id: number;
  readonly postId: number;
  /** The comment that it replies to. */
  readonly parentId: number | null;
  readonly body: string;
  readonly createdAt: Date;
  readonly editedAt: Date | null;
}

interface Options {
  readonly userId: number;
  /** Called with the number of posts and comments written since the last call. */
  readonly report: (rows: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * The files of an export: everything a person wrote and everything stored about them, except what only the site can use,
 * such as hashes. Each is read from the database while it is written.
 */
export async function exportEntries(db: Db, options: Options): Promise<Entry[]> {
  const { userId } = options;
  const picture = await findPicture(db, userId);
  return [
    { name: 'profile.json', content: () => profileJson(db, userId) },
    ...(picture ? [{ name: 'picture.webp', content: () => once(() => picture) }] : []),
    ...writings(db, options),
    ...follows(db, options),
    shortList(
      'muted-and-blocked.json',
      () => readBlocks(db, userId),
      (row) => row,
    ),
    shortList('sessions.json', () => listSessions(db, userId), sessionJson),
    shortList('api-tokens.json', () => listTokens(db, userId), tokenJson),
    { name: 'notifications.json', content: () => asJson(notifications(db, options), notificationJson) },
    { name: 'activity.json', content: () => asJson(activity(db, options), eventJson) },
  ];
}

/** A list that fits into memory. */
function shortList<Row>(
  name: string,
  read: () => Promise<readonly Row[]>,
  shape: (row: Row) => object,
): Entry {
  return { name, content: () => asJson(once(read), shape) };
}

async function* once<Content>(read: () => Content | Promise<Content>): AsyncGenerator<Content> {
  yield await read();
}

function writings(db: Db, options: Options): Entry[] {
  const posts = () => pagesOf(options, (range) => readPosts(db, options.userId, range));
  const comments = () => pagesOf(options, (range) => readComments(db, options.userId, range));
  return [
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
    .select(['id', 'id as postId', 'body', 'created_at as createdAt', 'edited_at as editedAt'])
    .select(({ lit }) => lit(null).as('parentId'))
    .where('author_id', '=', userId)
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute({ signal });
}

function readComments(db: Db, userId: number, { afterId, limit, signal }: Range): Promise<Writing[]> {
  return db
    .selectFrom('comments')
    .select(['id', 'post_id as postId', 'parent_id as parentId', 'body'])
    .select(['created_at as createdAt', 'edited_at as editedAt'])
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

/** Up to `MAX_BLOCKS` people. */
function readBlocks(db: Db, userId: number): Promise<object[]> {
  return db
    .selectFrom('blocks')
    .innerJoin('users', 'users.id', 'blocks.blocked_id')
    .select(['users.username', 'blocks.kind', 'blocks.created_at as since'])
    .where('blocks.blocker_id', '=', userId)
    .orderBy('blocks.id')
    .execute();
}

function follows(db: Db, options: Options): Entry[] {
  const pages = (list: typeof listFollowed) =>
    pagesBefore(options, async (before) => {
      const { items, older } = await list(db, options.userId, { before, size: PAGE });
      return { rows: items, next: older };
    });
  const shape = ({ username, since }: Following) => ({ username, since });
  return [
    { name: 'following.json', content: () => asJson(pages(listFollowed), shape) },
    { name: 'followers.json', content: () => asJson(pages(listFollowers), shape) },
  ];
}

function activity(db: Db, options: Options): AsyncGenerator<readonly OwnEvent[]> {
  return pagesBefore(options, async (before) => {
    const { events, next } = await listOwnEvents(db, options.userId, before);
    return { rows: events, next };
  });
}

function notifications(db: Db, options: Options): AsyncGenerator<readonly ListedNotification[]> {
  return pagesBefore(options, async (before) => {
    const own = { recipientId: options.userId };
    const { items, older } = await listNotifications(db, own, { before, size: PAGE });
    return { rows: items, next: older };
  });
}

/** Reads a list page by page, newest first. Also notices when the export is cancelled. */
async function* pagesBefore<Row>(
  { report, signal }: Options,
  read: (before: number | undefined) => Promise<{ rows: readonly Row[]; next: number | undefined }>,
): AsyncGenerator<readonly Row[]> {
  let before: number | undefined;
  do {
    const { rows, next } = await read(before);
    yield rows;
    await report(0);
    signal.throwIfAborted();
    before = next;
  } while (before !== undefined);
}

async function* profileJson(db: Db, userId: number): AsyncGenerator<string> {
  const { createdAt, aboutMe, twoFactorSince, ...profile } = await db
    .selectFrom('users')
    .select(['username', 'email', 'name', 'location', 'about_me as aboutMe', 'created_at as createdAt'])
    .select('totp_since as twoFactorSince')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
  const { wantsDigest, ...frequencies } = await findMailChoices(db, userId);
  const shown = {
    ...profile,
    about_me: aboutMe,
    member_since: createdAt,
    two_factor_since: twoFactorSince,
    email_notifications: { ...frequencies, weekly_digest: wantsDigest },
  };
  yield `${JSON.stringify(shown, null, 2)}\n`;
}

async function* asJson<Row>(
  pages: AsyncIterable<readonly Row[]>,
  shape: (row: Row) => object,
): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const rows of pages) {
    if (rows.length === 0) continue;
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

function postJson({ id, body, createdAt, editedAt }: Writing): object {
  return { id, path: `/post/${id}`, timestamp: createdAt, edited: editedAt, body };
}

function commentJson({ id, postId, parentId, body, createdAt, editedAt }: Writing): object {
  const paths = { post_path: `/post/${postId}`, in_reply_to: parentId && `/comment/${parentId}` };
  return { id, ...paths, timestamp: createdAt, edited: editedAt, body };
}

function sessionJson({ userAgent, address, createdAt, lastSeenAt }: ListedSession): object {
  return { browser: userAgent, address, logged_in: createdAt, last_seen: lastSeenAt };
}

function tokenJson({ name, scope, createdAt, expiresAt, lastUsedAt }: ApiToken): object {
  return { name, scope, created: createdAt, expires: expiresAt, last_used: lastUsedAt };
}

function notificationJson({ kind, createdAt, isRead, ...about }: ListedNotification): object {
  const { actorUsername: by, postId: post, commentId: comment } = about;
  return { kind, timestamp: createdAt, is_read: isRead, by, post, comment };
}

function eventJson({ kind, at, address, detail, isByStaff }: OwnEvent): object {
  return { kind, timestamp: at, address, by_staff: isByStaff, detail };
}
