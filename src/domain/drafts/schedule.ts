import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import { DomainError } from '../../errors.ts';
import { publishDraftQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { type DraftText, type DraftVersion, MAX_DAYS_AHEAD } from './draft.ts';
import { createDraft, saveDraft } from './save.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Saves a draft and enqueues the job that publishes it. A job for an earlier schedule will do nothing.
 *
 * @param draft the version that the text is based on; undefined for a new draft
 * @param publishAt at most MAX_DAYS_AHEAD from now; a past time means now
 * @throws DomainError `too-far-ahead`, or like `createDraft` and `saveDraft`
 */
export async function scheduleDraft(
  { db, queue }: Dependencies,
  authorId: number,
  { draft, text, publishAt }: { draft: DraftVersion | undefined; text: DraftText; publishAt: Date },
): Promise<void> {
  const now = Date.now();
  const at = new Date(Math.max(publishAt.getTime(), now));
  if (at.getTime() > now + MAX_DAYS_AHEAD * DAY_MS) {
    throw new DomainError('too-far-ahead', 'Enter a time within a year from now.');
  }
  await transact(db, async (trx) => {
    const { id } =
      draft === undefined
        ? await createDraft(trx, authorId, text)
        : await saveDraft(trx, authorId, draft, text);
    const scheduled = { publish_at: at, refused_because: null };
    await trx.updateTable('drafts').set(scheduled).where('id', '=', id).execute();
    const due = { draftId: id, publishAt: at.toISOString() };
    await queue.send(publishDraftQueue, due, { db: trx, startAfter: at });
  });
}

/** Cancels a draft's schedule. Does nothing if it is not scheduled. */
export async function unscheduleDraft(db: Db, authorId: number, id: number): Promise<void> {
  await db
    .updateTable('drafts')
    .set({ publish_at: null, version: sql`version + 1` })
    .where('id', '=', id)
    .where('author_id', '=', authorId)
    .where('publish_at', 'is not', null)
    .execute();
}
