import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Progress } from '../../queue/index.ts';
import { renderTextsQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { resolveImages } from '../images/resolve.ts';
import { findMentioned } from '../mentions/render.ts';
import { postColumns } from '../posts/write.ts';
import { type Markdown, RENDERER, type Rendered, textColumns } from './text.ts';

/** Texts of each kind per job: a few seconds of work, to not hold up other jobs. */
const BATCH_SIZE = 500;

const TABLES = ['posts', 'comments'] as const;
type Table = (typeof TABLES)[number];

interface OldText {
  readonly id: number;
  readonly authorId: number;
  readonly body: string;
  /** Empty for a comment. */
  readonly addedTags: readonly string[];
}

/** The columns of an `OldText`. */
const COLUMNS = {
  posts: sql`id, author_id as "authorId", body, added_tags as "addedTags"`,
  comments: sql`id, author_id as "authorId", body, '{}'::text[] as "addedTags"`,
} as const;

export interface RenderingDependencies extends Dependencies {
  readonly markdown: Markdown;
}

/** Enqueues the job that renders texts of an older renderer again, if there are any. */
export async function enqueueRendering({ db, queue }: Dependencies): Promise<void> {
  for (const table of TABLES) {
    if ((await findOldTexts(db, table, 1)).length === 0) continue;
    await queue.send(renderTextsQueue, {}, { db });
    return;
  }
}

/**
 * Renders a batch of the texts of an older renderer again, and enqueues the next batch.
 *
 * @param options.signal stops between two texts. The next attempt continues from there.
 * @param options.progress is told how many texts of the batch are rendered
 */
export async function renderOldTexts(
  dependencies: RenderingDependencies,
  { signal, progress }: { signal: AbortSignal; progress?: Progress },
): Promise<void> {
  for (const table of TABLES) {
    const texts = await findOldTexts(dependencies.db, table, BATCH_SIZE);
    for (const [index, text] of texts.entries()) {
      signal.throwIfAborted();
      await renderAgain(dependencies, table, text);
      progress?.(index + 1, texts.length, table);
    }
  }
  await enqueueRendering(dependencies);
}

async function findOldTexts(db: Kysely<Schema>, table: Table, limit: number): Promise<OldText[]> {
  const { rows } = await sql<OldText>`
    select ${COLUMNS[table]} from ${sql.table(table)} where renderer < ${RENDERER} order by renderer limit ${limit}
  `.execute(db);
  return rows;
}

/** Changes nothing if the text was edited or deleted in the meantime. */
async function renderAgain(
  { db, markdown }: RenderingDependencies,
  table: Table,
  { id, authorId, body, addedTags }: OldText,
): Promise<void> {
  const people = await findMentioned(db, table === 'posts' ? { postId: id } : { commentId: id });
  const rendering =
    table === 'posts'
      ? markdown.post(body, people, await resolveImages(db, authorId, body))
      : markdown.comment(body, people);
  const text = await ifRenderable(rendering);
  const isUnchanged = sql<boolean>`id = ${id} and body = ${body} and renderer < ${RENDERER}`;
  if (table === 'posts') {
    const columns = text && postColumns({ ...text, addedTags });
    await db
      .updateTable('posts')
      .set(columns ?? KEPT)
      .where(isUnchanged)
      .execute();
  } else {
    const columns = text && textColumns(text);
    await db
      .updateTable('comments')
      .set(columns ?? KEPT)
      .where(isUnchanged)
      .execute();
  }
}

/** A text that has become too expensive to render keeps its HTML and counts as rendered. */
const KEPT = { renderer: RENDERER };

async function ifRenderable(rendering: Promise<Rendered>): Promise<Rendered | undefined> {
  try {
    return await rendering;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'unrenderable') return undefined;
    throw error;
  }
}
