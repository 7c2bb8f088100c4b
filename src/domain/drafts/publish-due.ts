import type { DraftRefusal } from '../../database/post-tables.ts';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import type { PayloadOf } from '../../queue/index.ts';
import type { publishDraftQueue } from '../../queues.ts';
import { can, Permission, type Standing } from '../accounts/roles.ts';
import { IS_CONFIRMED, IS_OPEN, SILENCED_UNTIL } from '../accounts/standing.ts';
import type { Dependencies } from '../dependencies.ts';
import type { Markdown } from '../markdown/text.ts';
import type { DraftText, DraftVersion } from './draft.ts';
import { publishDraft } from './publish.ts';
import { renderDraft } from './render.ts';

interface RenderingDependencies extends Dependencies {
  readonly markdown: Markdown;
}

type Due = PayloadOf<typeof publishDraftQueue>;

/** A draft with its author's permissions. */
interface DueDraft extends DraftVersion, DraftText, Standing {
  readonly authorId: number;
  /** Whether the account is neither suspended nor closed. */
  readonly isOpen: boolean;
}

/**
 * Publishes a draft that is due, as its author would. Does nothing if it is no longer scheduled for that time. If it cannot
 * be published, it stays a draft and says why.
 *
 * @throws DomainError `edit-conflict` if it was saved in the meantime, or Busy; the next attempt publishes it
 */
export async function publishDueDraft(
  { db, queue, markdown }: RenderingDependencies,
  due: Due,
): Promise<void> {
  const draft = await findDue(db, due);
  if (draft === undefined) return;
  if (!draft.isOpen || !can(draft, Permission.WRITE)) return refuse(db, due, 'not-allowed');
  const writing = await renderDraft({ db, markdown }, draft.authorId, draft).catch(undefinedIfUnfinished);
  if (writing === undefined) return refuse(db, due, 'unfinished');
  await publishDraft({ db, queue }, draft.authorId, draft, writing);
}

function findDue(db: Db, { draftId, publishAt }: Due): Promise<DueDraft | undefined> {
  return db
    .selectFrom('drafts')
    .innerJoin('users', 'users.id', 'drafts.author_id')
    .select(['drafts.id', 'drafts.version', 'drafts.title', 'drafts.body', 'drafts.tags'])
    .select(['drafts.author_id as authorId', 'users.role', SILENCED_UNTIL.as('silencedUntil')])
    .select([IS_CONFIRMED.as('isConfirmed'), IS_OPEN.as('isOpen')])
    .where('drafts.id', '=', draftId)
    .where('drafts.publish_at', '=', new Date(publishAt))
    .executeTakeFirst();
}

/** A draft may have been saved unchecked since it was scheduled. */
function undefinedIfUnfinished(error: unknown): undefined {
  const isUnfinished =
    error instanceof DomainError && (error.code === 'unrenderable' || error.code === 'invalid-tags');
  if (!isUnfinished) throw error;
}

async function refuse(db: Db, { draftId, publishAt }: Due, because: DraftRefusal): Promise<void> {
  await db
    .updateTable('drafts')
    .set({ publish_at: null, refused_because: because })
    .where('id', '=', draftId)
    .where('publish_at', '=', new Date(publishAt))
    .execute();
}
