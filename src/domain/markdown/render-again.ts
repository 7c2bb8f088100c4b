import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { type Queue, renderTextsQueue } from '../../queue/contracts.ts';
import { resolveImages } from '../images/resolve.ts';
import { type Markdown, type People, RENDERER, textColumns } from './text.ts';

/** Texts of each kind per job: a few seconds of work, so that other jobs get their turn. */
const BATCH = 500;

const TABLES = ['posts', 'comments'] as const;
type Table = (typeof TABLES)[number];

interface OldText {
  readonly id: number;
  readonly authorId: number;
  readonly body: string;
}

interface QueueDependencies {
  readonly db: Kysely<Schema>;
  readonly queue: Queue;
}

export interface RenderingDependencies extends QueueDependencies {
  readonly markdown: Markdown;
  /** Finds whom a text mentions. */
  peopleOf(table: Table, id: number): Promise<People>;
}

/** Enqueues the job that renders texts of an older renderer, if there are any. */
export async function enqueueRendering({ db, queue }: QueueDependencies): Promise<void> {
  for (const table of TABLES) {
    if ((await findOldTexts(db, table, 1)).length === 0) continue;
    await queue.send(renderTextsQueue, {}, { db });
    return;
  }
}

/**
 * Renders a batch of the texts of an older renderer again, and enqueues the next batch.
 *
 * @param options.signal stops between two texts. The next attempt goes on from there.
 */
export async function renderOldTexts(
  dependencies: RenderingDependencies,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  for (const table of TABLES) {
    for (const text of await findOldTexts(dependencies.db, table, BATCH)) {
      signal.throwIfAborted();
      await renderAgain(dependencies, table, text);
    }
  }
  await enqueueRendering(dependencies);
}

async function findOldTexts(db: Kysely<Schema>, table: Table, limit: number): Promise<OldText[]> {
  const { rows } = await sql<OldText>`
    select id, author_id as "authorId", body from ${sql.table(table)} where renderer < ${RENDERER} order by renderer limit ${limit}
  `.execute(db);
  return rows;
}

/** Changes nothing if the text was edited or deleted meanwhile. */
async function renderAgain(
  { db, markdown, peopleOf }: RenderingDependencies,
  table: Table,
  { id, authorId, body }: OldText,
): Promise<void> {
  const people = await peopleOf(table, id);
  const rendering =
    table === 'posts'
      ? markdown.post(body, people, await resolveImages(db, authorId, body))
      : markdown.comment(body, people);
  await db
    .updateTable(table)
    .set(await columnsOf(rendering))
    .where('id', '=', id)
    .where('body', '=', body)
    .where('renderer', '<', RENDERER)
    .execute();
}

/** A text that has become too expensive keeps its HTML, and counts as rendered. */
async function columnsOf(rendering: ReturnType<Markdown['post']>) {
  try {
    return textColumns(await rendering);
  } catch (error) {
    if (error instanceof DomainError && error.code === 'unrenderable') return { renderer: RENDERER };
    throw error;
  }
}
