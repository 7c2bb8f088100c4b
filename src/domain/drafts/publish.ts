import { transact } from '../../database/transaction.ts';
import type { Dependencies } from '../dependencies.ts';
import type { PostSource } from '../posts/list.ts';
import { publishPost, type Writing } from '../posts/write.ts';
import type { DraftVersion } from './draft.ts';
import { isDraft } from './find.ts';
import { refuseStale } from './save.ts';

/**
 * Publishes a post in place of its draft.
 *
 * @param writing what the post says, which may be newer than the draft. By default, `isUnlisted` is the draft's
 * @throws DomainError `edit-conflict` if the draft was saved elsewhere since, `not-found` if it was published or deleted
 */
export function publishDraft(
  { db, queue }: Dependencies,
  authorId: number,
  draft: DraftVersion,
  writing: Writing,
): Promise<PostSource> {
  return transact(db, async (trx) => {
    const deleted = await trx
      .deleteFrom('drafts')
      .where(isDraft(authorId, draft))
      .returning('is_unlisted as isUnlisted')
      .executeTakeFirst();
    const { isUnlisted } = deleted ?? (await refuseStale(trx, authorId, draft.id));
    return publishPost({ db: trx, queue }, authorId, {
      ...writing,
      isUnlisted: writing.isUnlisted ?? isUnlisted,
    });
  });
}
