import { sql } from 'kysely';
import type { MailFrequency } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { newShare } from '../../queue/index.ts';
import { BULK_MAIL_PRIORITY, mailQueue, notificationMailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { isDue } from './mail-terms.ts';

/** A mail and its recipient. */
interface Collected {
  readonly userId: number;
  /** Its number among the recipient's notification mails. */
  readonly number: number;
}

/**
 * Enqueues one mail about everything that a person wants to be mailed about at once. A person gets at most one an hour: if an
 * hour has not passed yet, enqueues its own job for later. Does nothing if there is nothing new and unread.
 */
export async function mailAtOnce({ db, queue }: Dependencies, userId: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.selectFrom('users').select('id').where('id', '=', userId).forNoKeyUpdate().execute();
    const last = await trx
      .selectFrom('notification_mails')
      .select(sql<Date>`mailed_at + interval '1 hour'`.as('nextAt'))
      .select(sql<boolean>`mailed_at > now() - interval '1 hour'`.as('isTooSoon'))
      .where('user_id', '=', userId)
      .executeTakeFirst();
    if (last?.isTooSoon) {
      await queue.send(notificationMailQueue, { userId }, { db: trx, startAfter: last.nextAt });
      return;
    }
    for (const { number } of await collect(trx, [userId], 'at-once'))
      await queue.send(mailQueue, { template: 'notifications', userId, number }, { db: trx });
  });
}

/** Recipients per transaction. */
const BATCH_SIZE = 500;

/**
 * Enqueues a mail for everyone who has something new that they want to be mailed about daily. Safe to repeat: each batch
 * marks its notifications in the transaction that enqueues their mails.
 *
 * @param options.signal stops between two batches
 * @returns the number of mails enqueued
 */
export async function mailDaily(
  { db, queue }: Dependencies,
  { signal }: { signal: AbortSignal },
): Promise<number> {
  const share = newShare();
  let total = 0;
  for (let afterId = 0; ; ) {
    signal.throwIfAborted();
    const userIds = await recipientsAfter(db, afterId);
    const last = userIds.at(-1);
    if (last === undefined) return total;
    total += await db.transaction().execute(async (trx) => {
      const mails = (await collect(trx, userIds, 'daily')).map((mail) => ({
        template: 'notifications' as const,
        ...mail,
      }));
      await queue.sendAll(mailQueue, mails, { db: trx, priority: BULK_MAIL_PRIORITY, share });
      return mails.length;
    });
    afterId = last;
  }
}

async function recipientsAfter(db: Db, afterId: number): Promise<number[]> {
  const recipients = await db
    .selectFrom('notifications')
    .innerJoin('users', 'users.id', 'recipient_id')
    .select('recipient_id as id')
    .where('recipient_id', '>', afterId)
    .where(isDue('daily'))
    .groupBy('recipient_id')
    .orderBy('recipient_id')
    .limit(BATCH_SIZE)
    .execute();
  return recipients.map(({ id }) => id);
}

/** Numbers one mail for each of these people with due notifications, and marks these with it. */
async function collect(
  db: Db,
  userIds: readonly number[],
  frequency: MailFrequency,
): Promise<readonly Collected[]> {
  const { rows } = await sql<Collected>`
    with due as (
      select notifications.id, recipient_id from notifications join users on users.id = recipient_id
      where recipient_id = any(${userIds}::int[]) and ${isDue(frequency)}
    ), mails as (
      insert into notification_mails as earlier (user_id) select distinct recipient_id from due order by recipient_id
      on conflict (user_id) do update set number = earlier.number + 1, mailed_at = now()
      returning user_id, number
    ), marked as (
      update notifications set mail = number from due join mails on user_id = due.recipient_id
      -- Another transaction may have marked it in the meantime.
      where notifications.id = due.id and mail is null
      returning user_id, number
    )
    select distinct user_id as "userId", number from marked
  `.execute(db);
  return rows;
}
