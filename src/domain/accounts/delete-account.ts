import { type Kysely, sql, type Transaction } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { erasureQueue, mailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { type Moderator, requirePerson } from '../moderation/sanction.ts';
import { recordEvent } from '../security-events/record.ts';
import { endAccess } from './end-access.ts';
import { requireAnotherAdministrator } from './last-administrator.ts';
import { useToken } from './mailed-token.ts';

/** Days during which a deletion can be undone. */
export const GRACE_DAYS = 7;

/**
 * Closes an account at once, enqueues its erasure for the end of the grace period, and mails a link to undo it.
 *
 * @param options.keepsTexts whether its posts and comments stay, anonymised
 * @throws DomainError `last-administrator`
 */
export async function requestDeletion(
  { db, queue }: Dependencies,
  userId: number,
  { keepsTexts }: { keepsTexts: boolean },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await requireAnotherAdministrator(trx, userId);
    await closeAccount({ trx, queue }, userId, { keepsTexts, days: GRACE_DAYS });
    await recordEvent(trx, { kind: 'deletion-requested', userId });
    await queue.send(mailQueue, { template: 'account-deletion', userId }, { db: trx });
  });
}

/**
 * Closes an account for an Administrator, and mails the reason. An immediate deletion cannot be undone and is not mailed. It
 * deletes the account's events too, so the log keeps the username and the reason. If the owner has already asked to delete
 * their posts and comments, those are not kept.
 *
 * @throws DomainError `not-found`, or `forbidden` unless `maySanction`
 */
export async function deleteForReason(
  { db, queue }: Dependencies,
  moderator: Moderator,
  userId: number,
  { keepsTexts, isAtOnce, reason }: { keepsTexts: boolean; isAtOnce: boolean; reason: string },
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { username: name } = await requirePerson(trx, moderator, userId);
    await closeAccount({ trx, queue }, userId, { keepsTexts, days: isAtOnce ? 0 : GRACE_DAYS });
    if (isAtOnce) {
      await recordEvent(trx, { kind: 'account-deleted', userId: null, detail: { name, reason } });
    } else {
      await recordEvent(trx, { kind: 'deletion-requested', userId, detail: { reason } });
      await queue.send(mailQueue, { template: 'account-deletion', userId }, { db: trx });
    }
  });
}

/** Enqueues the erasure. Neither postpones an earlier one nor lets it keep more. */
async function closeAccount(
  { trx, queue }: { trx: Transaction<Schema>; queue: Queue },
  userId: number,
  { keepsTexts, days }: { keepsTexts: boolean; days: number },
): Promise<void> {
  const { dueAt } = await trx
    .updateTable('users')
    .set({
      deletion_due_at: sql`least(deletion_due_at, now() + make_interval(days => ${days}))`,
      deletion_keeps_texts: sql`${keepsTexts}::boolean and (deletion_due_at is null or deletion_keeps_texts)`,
    })
    .where('id', '=', userId)
    .returning(({ ref }) => ref('deletion_due_at').$notNull().as('dueAt'))
    .executeTakeFirstOrThrow();
  await endAccess(trx, userId);
  await queue.send(erasureQueue, { userId }, { db: trx, startAfter: dueAt });
}

/** Consumes the mailed link and reopens the account. Returns whether the link was valid. */
export async function undoDeletion(db: Kysely<Schema>, token: string): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const used = await useToken(trx, 'undo-deletion', token);
    if (used === undefined || !(await reopenAccount(trx, used.userId))) return false;
    await recordEvent(trx, { kind: 'deletion-undone', userId: used.userId, actorId: used.userId });
    return true;
  });
}

/**
 * Reopens an account for an Administrator. Its owner can log in.
 *
 * @throws DomainError `not-found` if it is not closed, or already due
 */
export async function undoDeletionManually(db: Kysely<Schema>, userId: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    if (!(await reopenAccount(trx, userId))) throw noSuch('deletion');
    await recordEvent(trx, { kind: 'deletion-undone', userId });
  });
}

/** Returns false if the account is not closed, or its erasure is due: the job may have erased some of it. */
async function reopenAccount(trx: Transaction<Schema>, userId: number): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('users')
    .set({ deletion_due_at: null })
    .where('id', '=', userId)
    .where('deletion_due_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Loads the content of the mail about a deletion. Undefined if it was undone. */
export async function loadDeletion(db: Db, userId: number): Promise<object | undefined> {
  const account = await db
    .selectFrom('users')
    .select(({ ref }) => [
      'deletion_keeps_texts as keepsTexts',
      ref('deletion_due_at').$notNull().as('dueAt'),
    ])
    .select(({ selectFrom }) =>
      selectFrom('security_events')
        .select(sql<string | null>`detail ->> 'reason'`.as('reason'))
        .where('user_id', '=', userId)
        .where('kind', '=', 'deletion-requested')
        .orderBy('id', 'desc')
        .limit(1)
        .as('reason'),
    )
    .where('id', '=', userId)
    .where('deletion_due_at', 'is not', null)
    .executeTakeFirst();
  if (account === undefined) return undefined;
  const { dueAt, ...rest } = account;
  return { ...rest, dueOn: dueAt.toISOString().slice(0, 10) };
}
