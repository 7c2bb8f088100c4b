import { hash } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError } from '../../errors.ts';
import type { Progress } from '../../queue/index.ts';
import { mailQueue } from '../../queues.ts';
import { can, Permission } from '../accounts/roles.ts';
import { IS_CONFIRMED, IS_OPEN, SILENCED_UNTIL } from '../accounts/standing.ts';
import type { Dependencies } from '../dependencies.ts';
import { resolveImages } from '../images/resolve.ts';
import type { Markdown } from '../markdown/text.ts';
import { POSITIONS_PER_SECOND, positionAt } from '../posts/position.ts';
import { postColumns } from '../posts/write.ts';
import { openArchive, unusable } from './archive.ts';
import { importImages } from './images.ts';
import { type ImportedPost, nameOf, readImages, readPosts } from './read.ts';

interface RenderingDependencies extends Dependencies {
  readonly markdown: Markdown;
}

/** Posts per transaction, to hold locks only briefly. */
const BATCH_SIZE = 50;

/** An import that is in progress. */
interface RunningImport {
  readonly id: number;
  readonly userId: number;
}

/**
 * Imports the posts and images of an export, with their dates, and mails the result. Checks the whole file first. Skips posts
 * that the person already has, with the same time and text. Imported posts notify nobody, and names in them do not become
 * mentions, because they belong to another site.
 *
 * Safe to repeat: each batch records its progress in its own transaction.
 *
 * @param options.quota the bytes that all of a person's images may take
 * @param options.signal stops between two batches. The next attempt continues from there.
 * @param options.progress is told how many posts are imported
 */
export async function runImport(
  dependencies: RenderingDependencies,
  importId: number,
  { quota, signal, progress }: { quota: number; signal: AbortSignal; progress?: Progress },
): Promise<void> {
  const { db } = dependencies;
  const begun = await begin(db, importId);
  if (begun === undefined) return;
  const { upload, done, ...underway } = begun;
  try {
    const archive = await openArchive(upload);
    const posts = await readPosts(archive, new Date());
    const images = await readImages(archive);
    await db.updateTable('data_imports').set({ total: posts.length }).where('id', '=', importId).execute();
    await importImages(dependencies, { underway, archive, images }, { quota, signal });
    for (let start = done; start < posts.length; start += BATCH_SIZE) {
      signal.throwIfAborted();
      await importBatch(dependencies, underway, { start, posts: posts.slice(start, start + BATCH_SIZE) });
      progress?.(Math.min(start + BATCH_SIZE, posts.length), posts.length, 'posts');
    }
    await end(dependencies, underway, { state: 'done' });
  } catch (error) {
    if (!(error instanceof DomainError) || !FINAL.includes(error.code)) throw error;
    await end(dependencies, underway, { state: 'failed', fault: error.message });
  }
}

/** Errors that a retry cannot fix. */
const FINAL = ['unusable-import', 'forbidden'];

/** Marks an import as running. Returns undefined if it has ended. */
function begin(
  db: Db,
  importId: number,
): Promise<(RunningImport & { upload: Buffer; done: number }) | undefined> {
  return db
    .updateTable('data_imports')
    .set({ state: 'running' })
    .where('id', '=', importId)
    .where('state', 'in', ['waiting', 'running'])
    .returning(['id', 'user_id as userId', 'done', sql<Buffer>`upload`.as('upload')])
    .executeTakeFirst();
}

/** @throws DomainError `forbidden` or `unusable-import` */
async function importBatch(
  { db, markdown }: RenderingDependencies,
  { id, userId }: RunningImport,
  { start, posts }: { start: number; posts: readonly ImportedPost[] },
): Promise<void> {
  const seen = await findExisting(db, userId, posts);
  const rows: Awaited<ReturnType<typeof render>>[] = [];
  for (const post of posts) {
    if (seen.has(keyOf(post))) continue;
    seen.add(keyOf(post));
    rows.push(await render({ db, markdown }, userId, post));
  }
  await transact(db, async (trx) => {
    // Locks the import. Otherwise an attempt presumed dead and its successor could both insert this batch.
    const advanced = await trx
      .updateTable('data_imports')
      .set({ done: start + posts.length, imported: sql`imported + ${rows.length}` })
      .where('id', '=', id)
      .where('state', '=', 'running')
      .where('done', '=', start)
      .returning('id')
      .executeTakeFirst();
    if (advanced === undefined) throw new Error('another attempt is doing this import');
    await requireMayWrite(trx, userId);
    if (rows.length > 0) await trx.insertInto('posts').values(rows).execute();
  });
}

/** The person may have been suspended or deleted since. The lock makes a concurrent suspension wait and hide this batch too. */
async function requireMayWrite(trx: Db, userId: number): Promise<void> {
  const person = await trx
    .selectFrom('users')
    .select(['role', SILENCED_UNTIL.as('silencedUntil'), IS_OPEN.as('isOpen')])
    .select(IS_CONFIRMED.as('isConfirmed'))
    .where('id', '=', userId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (!person?.isOpen || !can(person, Permission.WRITE))
    throw new DomainError('forbidden', 'You may not publish posts at the moment.');
}

/** Identifies a post by its time, to the millisecond as in exports, and its text. */
const keyOf = ({ createdAt, body }: { createdAt: Date; body: string }) =>
  `${createdAt.getTime()} ${hash('sha256', body)}`;

/** Finds the person's posts of the same seconds. Reads hashes instead of texts, which may be many and long. */
async function findExisting(db: Db, userId: number, posts: readonly ImportedPost[]): Promise<Set<string>> {
  const seconds = new Set(posts.map(({ createdAt }) => positionAt(createdAt)));
  const { rows } = await sql<{ createdAt: Date; bodyHash: string }>`
    select created_at as "createdAt", encode(sha256(convert_to(body, 'UTF8')), 'hex') as "bodyHash" from unnest(${[...seconds]}::bigint[]) as second
    cross join lateral (
      select created_at, body from posts
      where author_id = ${userId} and position >= second and position < second + ${sql.lit(POSITIONS_PER_SECOND)}
    ) as post
  `.execute(db);
  return new Set(rows.map(({ createdAt, bodyHash }) => `${createdAt.getTime()} ${bodyHash}`));
}

async function render(
  { db, markdown }: Pick<RenderingDependencies, 'markdown'> & { db: Db },
  userId: number,
  post: ImportedPost,
) {
  const { body, title, tags, isUnlisted, createdAt, editedAt } = post;
  const images = await resolveImages(db, userId, body);
  const text = await markdown.post(body, new Map(), images).catch((error: unknown) => {
    const isFault = error instanceof DomainError && error.code === 'unrenderable';
    throw isFault ? unusable(`${nameOf(post.number)}, body: ${error.message}`) : error;
  });
  const columns = postColumns({ ...text, title, addedTags: tags, isUnlisted });
  const moments = { created_at: createdAt, edited_at: editedAt };
  return { author_id: userId, ...columns, was_listed: !isUnlisted, ...moments };
}

async function end(
  { db, queue }: Pick<Dependencies, 'db' | 'queue'>,
  { id, userId }: RunningImport,
  result: { state: 'done' } | { state: 'failed'; fault: string },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const ended = await trx
      .updateTable('data_imports')
      .set({ ...result, upload: null, ended_at: sql`now()` })
      .where('id', '=', id)
      .where('state', '=', 'running')
      .returning('id')
      .executeTakeFirst();
    if (ended === undefined) return;
    await queue.send(mailQueue, { template: 'import-ended', userId, importId: id }, { db: trx });
  });
}
