import { type RawBuilder, sql } from 'kysely';

/**
 * Whether a reader has muted or blocked the author of a row. Lists select it as `isMuted` for `readPage`, which leaves such
 * rows out of the page that they are on. As a condition, it would make PostgreSQL read on until the page is full, past any
 * number of rows by people the reader has muted.
 *
 * @param readerId undefined for a visitor
 * @param author the column of the author's id
 */
export function isMutedBy(readerId: number | undefined, author: string): RawBuilder<boolean> {
  if (readerId === undefined) return sql`false`;
  return sql`${sql.ref(author)} = any(array(select blocked_id from blocks where blocker_id = ${readerId}))`;
}

/**
 * The condition that the author of a row has not blocked a person.
 *
 * @param author the column of the author's id
 */
export function hasNotBlocked(author: string, personId: number): RawBuilder<boolean> {
  return sql`not exists (
    select from blocks where kind = 'block' and blocker_id = ${sql.ref(author)} and blocked_id = ${personId}
  )`;
}
