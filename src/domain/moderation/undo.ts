import { sql } from 'kysely';
import type { SecurityEventDetail, SecurityEventKind } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { setCommentDisabled } from '../comments/write.ts';
import type { Dependencies } from '../dependencies.ts';
import { setPostDisabled } from '../posts/write.ts';
import { liftSanctions, type Moderator } from './sanction.ts';
import { moderateTexts } from './texts.ts';

/** An action of a moderator that is still in force. */
interface Undoable {
  readonly id: number;
  readonly kind: SecurityEventKind;
  readonly userId: number;
  readonly detail: SecurityEventDetail;
}

/** Finds which of these events are actions that can be undone. */
export async function findUndoable(db: Db, eventIds: readonly number[]): Promise<ReadonlySet<number>> {
  return new Set((await listUndoable(db, eventIds)).map(({ id }) => id));
}

/**
 * Undoes a moderator's action by doing the opposite. The record of that refers to the action.
 *
 * @throws DomainError `not-in-force` if it has ended or was undone, or `forbidden` unless `maySanction`
 */
export async function undo(
  { db, queue }: Dependencies,
  administrator: Moderator,
  eventId: number,
): Promise<void> {
  const [action] = await listUndoable(db, [eventId]);
  if (action === undefined) throw new DomainError('not-in-force', 'There is nothing left to undo.');
  const { kind, userId, detail } = action;
  const why = { undoes: eventId };
  switch (kind) {
    case 'post-disabled':
    case 'post-enabled':
      return setPostDisabled(db, Number(detail.post), kind === 'post-enabled', why);
    case 'comment-disabled':
    case 'comment-enabled':
      return setCommentDisabled(db, Number(detail.comment), kind === 'comment-enabled', why);
    case 'texts-disabled':
    case 'texts-enabled':
      return moderateTexts({ db, queue }, administrator, userId, kind === 'texts-enabled', why);
    case 'silenced':
    case 'suspended':
      return liftSanctions({ db, queue }, administrator, userId, { lifts: kind, ...why });
    default:
      throw new Error(`${kind} cannot be undone`);
  }
}

/** An action is in force while its effect lasts and no later action has repeated it. */
async function listUndoable(db: Db, eventIds: readonly number[]): Promise<Undoable[]> {
  const { rows } = await sql<Undoable>`
    select id, kind, user_id as "userId", detail from security_events as event
    where id = any(${eventIds}::int[])
      and case kind
        when 'post-disabled' then (select is_disabled from posts where posts.id = (detail ->> 'post')::int)
        when 'post-enabled' then (select not is_disabled from posts where posts.id = (detail ->> 'post')::int)
        when 'comment-disabled' then (select is_disabled from comments where comments.id = (detail ->> 'comment')::int)
        when 'comment-enabled' then (select not is_disabled from comments where comments.id = (detail ->> 'comment')::int)
        when 'silenced' then (select silenced_until > now() from users where users.id = user_id)
        when 'suspended' then (select suspended_until > now() from users where users.id = user_id)
        else kind in ('texts-disabled', 'texts-enabled')
      end
      and not exists (
        select from security_events as later
        where later.user_id = event.user_id and later.id > event.id
          and later.kind = any(
            case when event.kind like 'texts-%' then array['texts-disabled', 'texts-enabled'] else array[event.kind] end
          )
          and later.detail -> 'post' is not distinct from event.detail -> 'post'
          and later.detail -> 'comment' is not distinct from event.detail -> 'comment'
      )
  `.execute(db);
  return rows;
}
