import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { rowCount } from '../page.ts';
import { type DraftText, type DraftVersion, MAX_DRAFTS } from './draft.ts';
import { findDraft, isDraft } from './find.ts';

/**
 * @param db a transaction to take part in, or the database to start one
 * @throws DomainError `too-many-drafts` if they have MAX_DRAFTS
 */
export function createDraft(db: Db, authorId: number, text: DraftText): Promise<DraftVersion> {
  const create = async (trx: Db) => {
    // The lock makes concurrent requests wait for each other's draft.
    await trx.selectFrom('users').select('id').where('id', '=', authorId).forNoKeyUpdate().execute();
    const { count } = await trx
      .selectFrom('drafts')
      .select(rowCount.as('count'))
      .where('author_id', '=', authorId)
      .executeTakeFirstOrThrow();
    if (count >= MAX_DRAFTS) {
      throw new DomainError('too-many-drafts', `You already have ${count} drafts. Please delete one first.`);
    }
    return trx
      .insertInto('drafts')
      .values({ author_id: authorId, ...columnsOf(text) })
      .returning(['id', 'version'])
      .executeTakeFirstOrThrow();
  };
  return db.isTransaction ? create(db) : db.transaction().execute(create);
}

/**
 * Saves a draft. If it is scheduled, it stays so, and will be published in its newest version.
 *
 * @param draft the version that the text is based on
 * @returns its new version
 * @throws DomainError `edit-conflict` if it was saved elsewhere since, `not-found` if it was published or deleted
 */
export async function saveDraft(
  db: Db,
  authorId: number,
  draft: DraftVersion,
  text: DraftText,
): Promise<DraftVersion> {
  const saved = await db
    .updateTable('drafts')
    .set(({ eb }) => ({ ...columnsOf(text), version: eb('version', '+', 1), updated_at: sql`now()` }))
    .where(isDraft(authorId, draft))
    .returning(['id', 'version'])
    .executeTakeFirst();
  return saved ?? refuseStale(db, authorId, draft.id);
}

/** Deletes a draft. Does nothing if there is none. */
export async function deleteDraft(db: Db, authorId: number, id: number): Promise<void> {
  await db.deleteFrom('drafts').where('id', '=', id).where('author_id', '=', authorId).execute();
}

/** Throws the reason why this version of a draft no longer exists. */
export async function refuseStale(db: Db, authorId: number, id: number): Promise<never> {
  await findDraft(db, authorId, id);
  throw new DomainError('edit-conflict', 'This draft has been saved in another browser since.');
}

function columnsOf({ title, body, tags, isUnlisted }: DraftText) {
  return { title, body, tags, is_unlisted: isUnlisted };
}
