import { sql } from 'kysely';
import type { DataExportState } from '../../database/data-tables.ts';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { exportQueue } from '../../queues.ts';
import { validTokens } from '../accounts/mailed-token.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';

/** An export as its owner sees it. */
export interface DataExport {
  readonly id: number;
  readonly state: DataExportState;
  /** Posts and comments written so far, and their total. */
  readonly done: number;
  readonly total: number;
  /** The finished file's size in bytes. */
  readonly size: number;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
  /** When the finished file is deleted. */
  readonly expiresAt: Date | null;
}

/** How long a finished export can be downloaded. */
const LIFETIME = sql`interval '7 days'`;

/** Finds a person's newest export that has not expired. */
export function findNewestExport(db: Db, userId: number): Promise<DataExport | undefined> {
  return db
    .selectFrom('data_exports')
    .select(['id', 'state', 'done', 'total', 'created_at as createdAt', 'ended_at as endedAt'])
    .select([sql<number>`size::float`.as('size'), sql<Date | null>`ended_at + ${LIFETIME}`.as('expiresAt')])
    .where('user_id', '=', userId)
    .where(sql<boolean>`coalesce(ended_at, now()) > now() - ${LIFETIME}`)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/**
 * Requests an export of all of a person's data.
 *
 * @throws DomainError `export-underway` if one is already in progress
 */
export async function requestExport({ db, queue }: { db: Db; queue: Queue }, userId: number): Promise<void> {
  try {
    await db.transaction().execute(async (trx) => {
      const { id } = await trx
        .insertInto('data_exports')
        .values({ user_id: userId })
        .returning('id')
        .executeTakeFirstOrThrow();
      await queue.send(exportQueue, { exportId: id }, { db: trx });
      await recordEvent(trx, { kind: 'export-made', userId });
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'data_exports_one_at_a_time_key') throw error;
    throw new DomainError('export-underway', 'An export is already in progress.');
  }
}

/** Cancels a person's export. Returns whether one was in progress. Its job notices at its next step. */
export async function cancelExport(db: Db, userId: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('data_exports')
    .set({ state: 'cancelled', ended_at: sql`now()` })
    .where('user_id', '=', userId)
    .where('state', 'in', ['waiting', 'running'])
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Finds the export of a mailed link. Undefined if the link is invalid or has expired. */
export async function findExportByToken(db: Db, token: string): Promise<number | undefined> {
  const found = await validTokens(db, ['download-export'], token)
    .select('export_id as exportId')
    .executeTakeFirst();
  return found?.exportId ?? undefined;
}

/** Whether a finished export still exists. It may have been deleted, or replaced by a newer one. */
export async function hasExport(db: Db, exportId: number): Promise<boolean> {
  const found = await db
    .selectFrom('data_exports')
    .select('id')
    .where('id', '=', exportId)
    .executeTakeFirst();
  return found !== undefined;
}

/** Reads the file of a finished export in chunks. */
export async function* readExport(db: Db, exportId: number): AsyncGenerator<Buffer> {
  for (let position = 0; ; position += 1) {
    const chunk = await db
      .selectFrom('data_export_chunks')
      .select('content')
      .where('export_id', '=', exportId)
      .where('position', '=', position)
      .executeTakeFirst();
    if (chunk === undefined) return;
    yield chunk.content;
  }
}
