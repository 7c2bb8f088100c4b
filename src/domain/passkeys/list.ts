import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';

/** A passkey as its owner sees it. */
export interface ListedPasskey {
  readonly id: number;
  readonly credentialId: Buffer;
  readonly name: string;
  readonly createdAt: Date;
  /** Null if it has never logged in. */
  readonly lastUsedAt: Date | null;
}

/** Lists an account's passkeys, oldest first. */
export function listPasskeys(db: Db, userId: number): Promise<ListedPasskey[]> {
  return selectPasskeys(db, userId).orderBy('id').execute();
}

/**
 * Finds one of an account's passkeys.
 *
 * @throws DomainError `not-found`
 */
export function findPasskey(db: Db, userId: number, id: number): Promise<ListedPasskey> {
  return selectPasskeys(db, userId)
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => noSuch('passkey'));
}

function selectPasskeys(db: Db, userId: number) {
  return db
    .selectFrom('passkeys')
    .select(['id', 'credential_id as credentialId', 'name'])
    .select(['created_at as createdAt', 'last_used_at as lastUsedAt'])
    .where('user_id', '=', userId);
}
