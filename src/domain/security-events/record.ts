import { sql } from 'kysely';
import type { SecurityEventKind } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { findByEmail } from '../accounts/find.ts';
import { currentOrigin } from './origin.ts';

export interface NewEvent {
  readonly kind: SecurityEventKind;
  /** Whose account it happened to; null when a log-in named an address without one. */
  readonly userId: number | null;
  /** Who did it: whoever the request is from, unless said otherwise; null when that is not known. */
  readonly actorId?: number | null;
  /** What to say beside the kind. Never a secret. */
  readonly detail?: Readonly<Record<string, string | number>>;
}

/**
 * Records something that happened to an account.
 *
 * @param db the transaction of the change, so that there is never one without the other
 */
export async function recordEvent(db: Db, { kind, userId, detail = {}, ...event }: NewEvent): Promise<void> {
  const origin = currentOrigin();
  await db
    .insertInto('security_events')
    .values({
      kind,
      user_id: userId,
      actor_id: event.actorId === undefined ? origin.userId : event.actorId,
      address: withoutZone(origin.address),
      detail: JSON.stringify(detail),
    })
    .execute();
}

/** The same for what somebody may do to what is another's. Their own doing is not recorded. */
export async function recordInterference(
  db: Db,
  event: Omit<NewEvent, 'actorId'> & { userId: number },
): Promise<void> {
  if (currentOrigin().userId !== event.userId) await recordEvent(db, event);
}

/** How many failed log-ins are recorded in an hour: of each account, and of all addresses without one. A flood makes no more. */
export const MOST_FAILURES_AN_HOUR = 20;

/** Records that somebody gave a wrong password. It takes longer for some addresses than for others: nobody may wait for it. */
export async function recordFailedLogIn(db: Db, email: string): Promise<void> {
  const userId = (await findByEmail(db, email))?.id ?? null;
  const earlier = await db
    .selectFrom('security_events')
    .select(sql<boolean>`created_at > now() - interval '1 hour'`.as('isRecent'))
    .where('user_id', userId === null ? 'is' : '=', userId)
    .where('kind', '=', 'log-in-failed')
    .orderBy('id', 'desc')
    .limit(1)
    .offset(MOST_FAILURES_AN_HOUR - 1)
    .executeTakeFirst();
  if (!earlier?.isRecent) await recordEvent(db, { kind: 'log-in-failed', userId, actorId: null });
}

/** PostgreSQL knows no interface names, as in `fe80::1%eth0`. */
function withoutZone(address: string | null): string | null {
  return address?.split('%', 1)[0] ?? null;
}
