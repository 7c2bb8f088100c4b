import type { Db } from '../../schema.ts';

/** Revokes one token of an account. Returns whether there was one. */
export async function revokeToken(db: Db, userId: number, id: number): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('api_tokens')
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirst();
  return numDeletedRows === 1n;
}

/** Revokes the tokens that were got with the account's password; those with a name stay. */
export async function revokeUnnamedTokens(db: Db, userId: number): Promise<void> {
  await db.deleteFrom('api_tokens').where('user_id', '=', userId).where('name', 'is', null).execute();
}
