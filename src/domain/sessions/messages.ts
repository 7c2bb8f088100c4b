import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { hashToken } from '../token.ts';

/** A message that a session shows once, on its next page. */
export interface Message {
  readonly text: string;
  /** Whether it reports a failure. */
  readonly isWarning: boolean;
  /** The id of the element to show it in. By default, it is shown above the page's content. */
  readonly at?: string;
}

/** Unread messages that a session keeps. Older ones are dropped. */
const MAX_MESSAGES = 5;

/** Leaves a message for the session's next page. Returns whether the session still exists. */
export async function leaveMessage(db: Db, token: string, message: Message): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('sessions')
    .set({
      flash: sql`(flash || ${JSON.stringify(message)}::jsonb)[greatest(cardinality(flash) + 2 - ${sql.lit(MAX_MESSAGES)}, 1):]`,
    })
    .where('token_hash', '=', hashToken(token))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Removes the oldest `count` messages, which have been shown. Any left since then stay. */
export async function forgetMessages(db: Db, token: string, count: number): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ flash: sql`flash[${sql.lit(count + 1)}:]` })
    .where('token_hash', '=', hashToken(token))
    .execute();
}
