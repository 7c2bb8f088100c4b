import { sql } from 'kysely';
import type { DataImportState } from '../../database/data-tables.ts';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { importQueue } from '../../queues.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';

/** The outcome of an import. */
export interface ImportResult {
  /** Posts that were imported, and those that existed already. */
  readonly imported: number;
  readonly skipped: number;
  /** Images that were imported, and that could not be. */
  readonly images: number;
  readonly imagesLeftOut: number;
  /** Why it was stopped; null if it was not. */
  readonly fault: string | null;
}

/** An import as its owner sees it. */
export interface DataImport extends ImportResult {
  readonly state: DataImportState;
  /** Posts dealt with so far, and their total, which is 0 until the file has been checked. */
  readonly done: number;
  readonly total: number;
  readonly createdAt: Date;
}

/** Finds a person's newest import of the last seven days. */
export function findNewestImport(db: Db, userId: number): Promise<DataImport | undefined> {
  return db
    .selectFrom('data_imports')
    .select(['state', 'done', 'total', 'created_at as createdAt'])
    .select(RESULT_COLUMNS)
    .where('user_id', '=', userId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Loads the content of the mail about an import. Undefined if it was erased. */
export function loadImportResult(db: Db, importId: number): Promise<ImportResult | undefined> {
  const found = db.selectFrom('data_imports').select(RESULT_COLUMNS).where('id', '=', importId);
  return found.executeTakeFirst();
}

const RESULT_COLUMNS = [
  'imported',
  sql<number>`done - imported`.as('skipped'),
  'images',
  'images_left_out as imagesLeftOut',
  'fault',
] as const;

/**
 * Stores an export from another site and enqueues the job that imports it.
 *
 * @param upload at most `MAX_IMPORT` bytes
 * @throws DomainError `import-underway` if one is already in progress
 */
export async function requestImport(
  { db, queue }: { db: Db; queue: Queue },
  userId: number,
  upload: Buffer,
): Promise<void> {
  try {
    await db.transaction().execute(async (trx) => {
      const { id } = await trx
        .insertInto('data_imports')
        .values({ user_id: userId, upload })
        .returning('id')
        .executeTakeFirstOrThrow();
      await queue.send(importQueue, { importId: id }, { db: trx });
      await recordEvent(trx, { kind: 'import-made', userId });
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'data_imports_one_at_a_time_key') throw error;
    throw new DomainError('import-underway', 'An import is already in progress.');
  }
}
