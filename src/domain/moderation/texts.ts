import { type Kysely, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { inBatches } from '../../database/transaction.ts';
import { DomainError } from '../../errors.ts';
import { moderateTextsQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { addToPostCount } from '../posts/write.ts';
import { recordEvent, type Why } from '../security-events/record.ts';
import { type Moderator, requirePerson } from './sanction.ts';

/** Rows per transaction, to hold locks only briefly. */
const BATCH_SIZE = 1_000;

/**
 * Enqueues the job that hides everything that a person wrote, or shows it again.
 *
 * @throws DomainError `not-found`, `forbidden` unless `maySanction`, or `not-in-force` if the action was already undone
 */
export async function moderateTexts(
  { db, queue }: Dependencies,
  moderator: Moderator,
  userId: number,
  isDisabled: boolean,
  why: Why = {},
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await requirePerson(trx, moderator, userId);
    if (why.undoes !== undefined && (await isUndone(trx, userId, why.undoes)))
      throw new DomainError('not-in-force', 'There is nothing left to undo.');
    await recordEvent(trx, {
      kind: isDisabled ? 'texts-disabled' : 'texts-enabled',
      userId,
      detail: { ...why },
    });
    await queue.send(moderateTextsQueue, { userId, isDisabled }, { db: trx });
  });
}

/** Whether an action was undone. */
async function isUndone(db: Db, userId: number, eventId: number): Promise<boolean> {
  const undoings = db.selectFrom('security_events').select('id').where('user_id', '=', userId);
  const undoing = undoings.where(sql<number>`(detail ->> 'undoes')::int`, '=', eventId);
  return (await undoing.executeTakeFirst()) !== undefined;
}

/**
 * Hides or shows all posts and comments of a person, in batches.
 *
 * @param options.signal stops between two batches. The next attempt continues from there.
 */
export async function setTextsDisabled(
  db: Kysely<Schema>,
  { userId, isDisabled }: { userId: number; isDisabled: boolean },
  options: { signal: AbortSignal },
): Promise<void> {
  for (const table of ['posts', 'comments'] as const) {
    const change = async (trx: Db) => {
      const { rows } = await sql<{ isCounted: boolean }>`
        update ${sql.table(table)} set is_disabled = ${isDisabled}
        where id = any(array(
          select id from ${sql.table(table)} where author_id = ${userId} and is_disabled <> ${isDisabled}
          order by ${sql.ref(table === 'posts' ? 'position' : 'id')} limit ${BATCH_SIZE} for no key update
        ))
        returning ${table === 'posts' ? sql`not is_unlisted` : sql`false`} as "isCounted"
      `.execute(trx);
      const counted = rows.filter(({ isCounted }) => isCounted).length;
      if (counted > 0) await addToPostCount(trx, userId, isDisabled ? -counted : counted);
      return rows.length;
    };
    await inBatches(db, change, options);
  }
}
