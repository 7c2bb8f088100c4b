import type { Kysely } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { recordEvent } from '../security-events/record.ts';

/** Revokes one of an account's tokens. Returns whether it existed. */
export function revokeToken(db: Kysely<Schema>, userId: number, id: number): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const revoked = await trx
      .deleteFrom('api_tokens')
      .where('user_id', '=', userId)
      .where('id', '=', id)
      .returning('name')
      .executeTakeFirst();
    if (revoked === undefined) return false;
    const detail = revoked.name === null ? {} : { name: revoked.name };
    await recordEvent(trx, { kind: 'token-revoked', userId, detail });
    return true;
  });
}

/** Revokes the tokens that were obtained with a password. Named tokens stay. */
export async function revokeUnnamedTokens(db: Kysely<Schema>, userId: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { numDeletedRows } = await trx
      .deleteFrom('api_tokens')
      .where('user_id', '=', userId)
      .where('name', 'is', null)
      .executeTakeFirst();
    if (numDeletedRows === 0n) return;
    await recordEvent(trx, { kind: 'token-revoked', userId, detail: { count: Number(numDeletedRows) } });
  });
}
