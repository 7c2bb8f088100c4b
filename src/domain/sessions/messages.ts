import { sql } from 'kysely';
import type { Db } from '../../schema.ts';
import { hashToken } from '../token.ts';

/** How many messages wait for one page, the newest; nobody reads more, and a session must not grow. */
const MOST_MESSAGES = 5;

/** Leaves a message for the session's next page. Returns whether the session still exists. */
export async function leaveMessage(db: Db, token: string, message: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sessions')
    .set({
      flash: sql`(flash || ${message}::text)[greatest(cardinality(flash) + 2 - ${sql.lit(MOST_MESSAGES)}, 1):]`,
    })
    .where('token_hash', '=', hashToken(token))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Forgets the oldest `count` messages, those that have been shown; one that came meanwhile stays. */
export async function forgetMessages(db: Db, token: string, count: number): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ flash: sql`flash[${sql.lit(count + 1)}:]` })
    .where('token_hash', '=', hashToken(token))
    .execute();
}
