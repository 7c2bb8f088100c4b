import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { mailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent } from '../security-events/record.ts';
import { deleteUnusableCodes } from '../two-factor/recovery-codes.ts';

/** One of an account's passkeys. */
interface PasskeyId {
  readonly userId: number;
  readonly id: number;
}

/** @throws DomainError `not-found` */
export async function renamePasskey(db: Db, { userId, id }: PasskeyId, name: string): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('passkeys')
    .set({ name })
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 0n) throw noSuch('passkey');
}

/**
 * Removes a passkey and mails the account's owner. After the last one, and without an app, the password alone is enough.
 *
 * @throws DomainError `not-found`
 */
export async function removePasskey({ db, queue }: Dependencies, { userId, id }: PasskeyId): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute();
    const { name } = await trx
      .deleteFrom('passkeys')
      .where('id', '=', id)
      .where('user_id', '=', userId)
      .returning('name')
      .executeTakeFirstOrThrow(() => noSuch('passkey'));
    await deleteUnusableCodes(trx, userId);
    await recordEvent(trx, { kind: 'passkey-removed', userId, detail: { name } });
    await queue.send(mailQueue, { template: 'passkey-removed', userId }, { db: trx });
  });
}
