import { Readable } from 'node:stream';
import { sql } from 'kysely';
import { ZipFile } from 'yazl';
import type { Db } from '../../database/schema.ts';
import type { Progress, Queue } from '../../queue/index.ts';
import { mailQueue } from '../../queues.ts';
import { exportEntries } from './entries.ts';

/** The file is stored in chunks of this size, of which only one is in memory at a time. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Writes all of a person's data to a zip file, as JSON and Markdown, and enqueues the mail with its link. Only one page of
 * rows and one chunk of the file are in memory at a time. Each attempt starts over and deletes what an earlier one left.
 * Stops early and leaves nothing if the person cancels.
 *
 * @param options.progress is told how many rows are written
 */
export async function writeExport(
  { db, queue }: { db: Db; queue: Queue },
  exportId: number,
  { signal, progress }: { signal: AbortSignal; progress?: Progress },
): Promise<void> {
  const begun = await beginExport(db, exportId);
  if (begun === undefined) return;
  const { userId, total } = begun;
  let done = 0;
  const cancelled = new AbortController();
  const ended = AbortSignal.any([signal, cancelled.signal]);
  const report = async (rows: number) => {
    if (!(await addProgress(db, exportId, rows))) cancelled.abort(new Error('the export was cancelled'));
    done += rows;
    progress?.(done, total, 'rows');
  };
  try {
    const size = await storeZip(db, { exportId, userId, report, signal: ended });
    await finishExport({ db, queue }, { exportId, userId, size });
  } catch (error) {
    if (!cancelled.signal.aborted) throw error;
    await removeChunks(db, exportId);
  }
}

/** Marks an export as running. Returns its owner and number of rows, or undefined if it was cancelled. */
async function beginExport(db: Db, exportId: number): Promise<{ userId: number; total: number } | undefined> {
  await removeChunks(db, exportId);
  return db
    .updateTable('data_exports')
    .set(({ selectFrom }) => ({
      state: 'running',
      done: 0,
      total: sql<number>`2 * (
        ${selectFrom('posts').select(sql<number>`count(*)::int`.as('count')).whereRef('author_id', '=', 'data_exports.user_id')}
        + ${selectFrom('comments').select(sql<number>`count(*)::int`.as('count')).whereRef('author_id', '=', 'data_exports.user_id')})`,
    }))
    .where('id', '=', exportId)
    .where('state', 'in', ['waiting', 'running'])
    .returning(['user_id as userId', 'total'])
    .executeTakeFirst();
}

/** Returns whether the export is still wanted. */
async function addProgress(db: Db, exportId: number, rows: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('data_exports')
    .set({ done: sql`done + ${rows}` })
    .where('id', '=', exportId)
    .where('state', '=', 'running')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

async function storeZip(
  db: Db,
  {
    exportId,
    userId,
    report,
    signal,
  }: { exportId: number; userId: number; report: (rows: number) => Promise<void>; signal: AbortSignal },
): Promise<number> {
  const zip = new ZipFile();
  for (const { name, content } of await exportEntries(db, { userId, report, signal })) {
    // Pictures are already compressed.
    zip.addReadStreamLazy(name, { compress: !name.endsWith('.webp') }, (callback) => {
      const stream = Readable.from(content());
      // yazl ignores errors of its sources, so pass them to the reader of the archive.
      stream.on('error', (error) => zip.outputStream.emit('error', error));
      callback(null, stream);
    });
  }
  zip.end();
  let size = 0;
  let position = 0;
  for await (const content of inChunks(Readable.from(zip.outputStream), CHUNK_BYTES)) {
    await db
      .insertInto('data_export_chunks')
      .values({ export_id: exportId, position, content })
      .execute({ signal });
    position += 1;
    size += content.length;
  }
  return size;
}

async function* inChunks(source: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of source) {
    pieces.push(piece);
    length += piece.length;
    if (length < bytes) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    length = 0;
  }
  if (length > 0) yield Buffer.concat(pieces);
}

async function finishExport(
  { db, queue }: { db: Db; queue: Queue },
  { exportId, userId, size }: { exportId: number; userId: number; size: number },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('data_exports')
      .set({ state: 'ready', size, ended_at: sql`now()` })
      .where('id', '=', exportId)
      .where('state', '=', 'running')
      .executeTakeFirst();
    if (numUpdatedRows === 0n) return removeChunks(trx, exportId);
    await removeOlderExports(trx, { exportId, userId });
    await queue.send(mailQueue, { template: 'export-ready', userId, exportId }, { db: trx });
  });
}

/** Only a person's newest file is kept. */
async function removeOlderExports(db: Db, { exportId, userId }: { exportId: number; userId: number }) {
  await db.deleteFrom('data_exports').where('user_id', '=', userId).where('id', '<', exportId).execute();
}

async function removeChunks(db: Db, exportId: number): Promise<void> {
  await db.deleteFrom('data_export_chunks').where('export_id', '=', exportId).execute();
}
