import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { newShare, type Progress, type Queue, type Share } from '../../queue/index.ts';
import { BULK_MAIL_PRIORITY, mailQueue } from '../../queues.ts';

/** Recipients per transaction. */
const BATCH = 500;

/**
 * Enqueues last week's digest for everyone who wants it and has not been sent it. Safe to repeat: each batch records its
 * recipients in the transaction that enqueues their mails.
 *
 * @param options.signal stops between two batches
 * @param options.progress is told how many people were considered
 * @returns the number of mails enqueued
 */
export async function sendDigests(
  { db, queue }: { db: Db; queue: Queue },
  { signal, progress }: { signal: AbortSignal; progress?: Progress },
): Promise<number> {
  const week = await lastWeek(db);
  const people = await countRecipients(db);
  const share = newShare();
  let total = 0;
  let considered = 0;
  for (let afterId = 0; ; ) {
    signal.throwIfAborted();
    const batch = await db
      .selectFrom('users')
      .select('id')
      .where('wants_digest', '=', true)
      .where('confirmed_at', 'is not', null)
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(BATCH)
      .execute({ signal });
    const last = batch.at(-1);
    if (last === undefined) return total;
    total += await enqueueBatch({ db, queue }, { week, share, userIds: batch.map(({ id }) => id) });
    considered += batch.length;
    progress?.(considered, Math.max(considered, people), 'people');
    afterId = last.id;
  }
}

async function countRecipients(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('users')
    .select(sql<number>`count(*)::int`.as('count'))
    .where('wants_digest', '=', true)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirstOrThrow();
  return count;
}

async function enqueueBatch(
  { db, queue }: { db: Db; queue: Queue },
  { week, share, userIds }: { week: string; share: Share; userIds: readonly number[] },
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const recipients = await trx
      .insertInto('digests')
      .values(userIds.map((userId) => ({ user_id: userId, week })))
      .onConflict((conflict) => conflict.doNothing())
      .returning('user_id as userId')
      .execute();
    const mails = recipients.map(({ userId }) => ({ template: 'weekly-digest' as const, userId, week }));
    await queue.sendAll(mailQueue, mails, { db: trx, priority: BULK_MAIL_PRIORITY, share });
    return recipients.length;
  });
}

/** The Monday of the last whole week, in UTC. */
async function lastWeek(db: Db): Promise<string> {
  const { rows } = await sql<{ week: string }>`
    select to_char(date_trunc('week', now() at time zone 'UTC') - interval '1 week', 'YYYY-MM-DD') as week
  `.execute(db);
  return rows[0]?.week ?? '';
}
