import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** Unread notifications are counted up to this number, to limit the cost. */
export const MAX_COUNTED = 100;

/**
 * How many unread notifications a person has, as an expression.
 *
 * @param userId their id, or its column
 */
export function unreadCount(userId: RawBuilder<unknown>): RawBuilder<number> {
  return sql`(select count(*)::int from (
    select from notifications where recipient_id = ${userId} and read_at is null limit ${sql.lit(MAX_COUNTED)}
  ) as unread)`;
}

/** Counts the unread notifications of people, each up to `MAX_COUNTED`. Returns the counts by their ids. */
export async function countUnread(db: Db, userIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const { rows } = await sql<{ id: number; count: number }>`
    select id, ${unreadCount(sql.ref('person.id'))} as count from unnest(${userIds}::int[]) as person (id)
  `.execute(db);
  return new Map(rows.map(({ id, count }) => [id, count]));
}

/** The count as the bell shows it, and its accessible name. */
export function describeUnread(unread: number): { readonly count: string; readonly label: string } {
  const count = unread < MAX_COUNTED ? String(unread) : `${MAX_COUNTED - 1}+`;
  if (unread === 0) return { count: '', label: 'Notifications' };
  return { count, label: `${count} unread notification${unread === 1 ? '' : 's'}` };
}
