import type { Db } from '../../database/schema.ts';
import { PermanentFailure } from '../../queue/index.ts';

/**
 * Says what is done for a person.
 *
 * @throws PermanentFailure if there is no such account
 */
export async function runExampleName(db: Db, userId: number): Promise<{ username: string }> {
  const person = await db.selectFrom('users').select('username').where('id', '=', userId).executeTakeFirst();
  if (person === undefined) throw new PermanentFailure(`Account ${userId} no longer exists.`);
  return person;
}
