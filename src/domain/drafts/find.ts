import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import type { Draft, DraftVersion } from './draft.ts';

/** Characters of a draft that a list shows. */
const BEGINNING_LENGTH = 200;

const SCHEDULE = ['publish_at as publishAt', 'refused_because as refusedBecause'] as const;

/** A draft in a list. */
export interface ListedDraft
  extends Pick<Draft, 'id' | 'title' | 'updatedAt' | 'publishAt' | 'refusedBecause'> {
  /** The beginning of its text, in Markdown. */
  readonly beginning: string;
}

/**
 * Finds a person's own draft.
 *
 * @throws DomainError `not-found`, also for somebody else's draft
 */
export function findDraft(db: Db, authorId: number, id: number): Promise<Draft> {
  return draftsOf(db, authorId)
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('draft'));
}

/** Reads all of a person's drafts in full. */
export function readDrafts(db: Db, authorId: number): Promise<Draft[]> {
  return draftsOf(db, authorId).orderBy('id').execute();
}

function draftsOf(db: Db, authorId: number) {
  return db
    .selectFrom('drafts')
    .select(['id', 'version', 'title', 'body', 'tags', 'is_unlisted as isUnlisted'])
    .select(['updated_at as updatedAt', ...SCHEDULE])
    .where('author_id', '=', authorId);
}

/** Lists all of a person's drafts, most recently saved first. */
export function listDrafts(db: Db, authorId: number): Promise<ListedDraft[]> {
  return db
    .selectFrom('drafts')
    .select(['id', 'title', 'updated_at as updatedAt', ...SCHEDULE])
    .select(sql<string>`left(body, ${BEGINNING_LENGTH})`.as('beginning'))
    .where('author_id', '=', authorId)
    .orderBy('updated_at', 'desc')
    .execute();
}

/** The condition for this version of a person's draft. */
export function isDraft(authorId: number, { id, version }: DraftVersion) {
  return sql<boolean>`(drafts.id = ${id} and drafts.author_id = ${authorId} and drafts.version = ${version})`;
}
