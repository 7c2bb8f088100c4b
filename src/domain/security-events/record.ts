import { sql } from 'kysely';
import type { SecurityEventKind } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { findByEmail } from '../accounts/find.ts';
import { currentOrigin } from './origin.ts';

export interface NewEvent {
  readonly kind: SecurityEventKind;
  /** The affected account; null for a log-in with an unknown address, and for an account deleted at once. */
  readonly userId: number | null;
  /** Who did it; null if unknown. By default, the request's user. */
  readonly actorId?: number | null;
  /** Details to show. Never a secret. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** Why a moderator acts: the reason they gave, and the event that the action undoes. Part of an event's detail. */
export interface Why {
  readonly reason?: string;
  readonly undoes?: number;
}

/**
 * Records an event on an account.
 *
 * @param db the transaction of the change
 * @returns its id
 */
export async function recordEvent(
  db: Db,
  { kind, userId, detail = {}, ...event }: NewEvent,
): Promise<number> {
  const origin = currentOrigin();
  const { id } = await db
    .insertInto('security_events')
    .values({
      kind,
      user_id: userId,
      actor_id: event.actorId === undefined ? origin.userId : event.actorId,
      address: origin.address,
      detail: JSON.stringify(detail),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

/** Records an action by someone other than the account's owner. Owners' own actions are not recorded. */
export async function recordActionByOther(
  db: Db,
  event: Omit<NewEvent, 'actorId'> & { userId: number },
): Promise<void> {
  if (currentOrigin().userId !== event.userId) await recordEvent(db, event);
}

/**
 * Failed log-ins recorded per hour, for each account and reason, and for all unknown addresses together. So attacks do not fill
 * the log, and wrong passwords do not hide that someone had the right one.
 */
export const MAX_FAILURES_PER_HOUR = 20;

/** Records a wrong password. Its duration depends on the address, so responses must not wait for it. */
export async function recordWrongPassword(db: Db, email: string): Promise<void> {
  await recordFailedLogIn(db, (await findByEmail(db, email))?.id ?? null);
}

/**
 * Records a failed log-in.
 *
 * @param userId null if the address is unknown
 * @param reason undefined for a wrong password
 */
export async function recordFailedLogIn(db: Db, userId: number | null, reason?: string): Promise<void> {
  const earlier = await db
    .selectFrom('security_events')
    .select(sql<boolean>`created_at > now() - interval '1 hour'`.as('isRecent'))
    .where('user_id', userId === null ? 'is' : '=', userId)
    .where('kind', '=', 'log-in-failed')
    .where(sql`detail ->> 'reason'`, 'is not distinct from', reason ?? null)
    .orderBy('id', 'desc')
    .limit(1)
    .offset(MAX_FAILURES_PER_HOUR - 1)
    .executeTakeFirst();
  if (earlier?.isRecent) return;
  const detail = reason === undefined ? {} : { reason };
  await recordEvent(db, { kind: 'log-in-failed', userId, actorId: null, detail });
}
