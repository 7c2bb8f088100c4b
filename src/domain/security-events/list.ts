import { sql } from 'kysely';
import type { SecurityEventDetail, SecurityEventKind } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';

/** Events per page. */
const PAGE_SIZE = 50;

export interface ListedEvent {
  readonly id: number;
  readonly kind: SecurityEventKind;
  readonly detail: SecurityEventDetail;
  readonly at: Date;
}

/** An event as the owner of the account sees it. */
export interface OwnEvent extends ListedEvent {
  /** Null if it is another person's. */
  readonly address: string | null;
  /** Whether a moderator, an Administrator or the operator did it. */
  readonly isByStaff: boolean;
}

/** An event as Administrators see it. */
export interface AnyEvent extends ListedEvent {
  readonly address: string | null;
  /** The affected account; null if there is none. */
  readonly username: string | null;
  /** Null if unknown or deleted. */
  readonly actorName: string | null;
}

export interface EventFilter {
  /** The affected account. Ignores case. */
  readonly username?: string | undefined;
  readonly userId?: number;
  /** Any of these kinds; undefined for all. */
  readonly kinds?: readonly SecurityEventKind[] | undefined;
}

export interface EventPage<Event> {
  /** Newest first. */
  readonly events: readonly Event[];
  /** The cursor of the next page; undefined on the last. */
  readonly next: number | undefined;
}

/**
 * Lists events of one account.
 *
 * @param before the cursor; undefined for the newest
 */
export async function listOwnEvents(
  db: Db,
  userId: number,
  before: number | undefined,
): Promise<EventPage<OwnEvent>> {
  const isByStaff = sql<boolean>`actor_id is distinct from user_id and kind <> 'log-in-failed'`;
  return pageOf(
    await selectPage(db, before)
      .select(isByStaff.as('isByStaff'))
      .select(sql<string | null>`case when not (${isByStaff}) then address end`.as('address'))
      .where('user_id', '=', userId)
      // Nobody is told that they were reported.
      .where('kind', '<>', 'reports-closed')
      .execute(),
  );
}

/** Lists events of all matching accounts. */
export async function listEvents(
  db: Db,
  { username, userId, kinds }: EventFilter,
  before: number | undefined,
): Promise<EventPage<AnyEvent>> {
  let page = selectPage(db, before).select(['address', 'user_id', 'actor_id']);
  if (userId !== undefined) page = page.where('user_id', '=', userId);
  if (username !== undefined) {
    page = page.where('user_id', '=', ({ selectFrom }) =>
      selectFrom('users').select('users.id').where(sql`lower(username)`, '=', username.toLowerCase()),
    );
  }
  // A page of each kind, because no index has several kinds in order.
  const pages = kinds?.map((kind) => page.where('kind', '=', kind)) ?? [page];
  const newest = sql<Awaited<ReturnType<typeof page.execute>>[number]>`(
    select * from (${sql.join(pages, sql` union all `)}) as found order by id desc limit ${sql.lit(PAGE_SIZE + 1)}
  )`;
  return pageOf(
    await db
      .selectFrom(newest.as<'event'>('event'))
      .leftJoin('users', 'users.id', 'event.user_id')
      .leftJoin('users as actor', 'actor.id', 'event.actor_id')
      .select(['event.id', 'event.kind', 'event.detail', 'event.at', 'event.address'])
      .select(['users.username', 'actor.username as actorName'])
      .orderBy('event.id', 'desc')
      .execute(),
  );
}

/** Selects one more than fits, to see whether there is another page. */
function selectPage(db: Db, before: number | undefined) {
  return db
    .selectFrom('security_events')
    .select(['security_events.id', 'kind', 'detail', 'created_at as at'])
    .$if(before !== undefined, (query) => query.where('security_events.id', '<', before ?? 0))
    .orderBy('security_events.id', 'desc')
    .limit(sql.lit(PAGE_SIZE + 1));
}

function pageOf<Event extends ListedEvent>(found: readonly Event[]): EventPage<Event> {
  const events = found.slice(0, PAGE_SIZE);
  return { events, next: found.length > PAGE_SIZE ? events.at(-1)?.id : undefined };
}
