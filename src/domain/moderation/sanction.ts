import { sql, type Transaction } from 'kysely';
import type { Role } from '../../database/account-tables.ts';
import type { Db, Schema } from '../../database/schema.ts';
import { DomainError, noSuch } from '../../errors.ts';
import type { Queue } from '../../queue/index.ts';
import { mailQueue, notifyQueue } from '../../queues.ts';
import { endAccess } from '../accounts/end-access.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent, type Why } from '../security-events/record.ts';

/** A moderator's sanctions: warn people, stop them from writing, or lock them out. */
export const SANCTIONS = ['warned', 'silenced', 'suspended'] as const;

export type Sanction = (typeof SANCTIONS)[number];

/** The end of a permanent sanction. JavaScript has no equivalent of PostgreSQL's `infinity`. */
const NEVER = new Date('9999-12-31T00:00:00Z');

/** A moderator or Administrator. */
export interface Moderator {
  readonly id: number;
  readonly role: Role;
}

/** Whether a moderator may act on a person: not on themselves or an Administrator, and only an Administrator on a moderator. */
export function maySanction(moderator: Moderator, person: Moderator): boolean {
  const isBelow =
    person.role !== 'Administrator' && (moderator.role === 'Administrator' || person.role !== 'Moderator');
  return moderator.id !== person.id && isBelow;
}

/**
 * Warns, silences or suspends a person and mails them the reason. A suspension ends all their sessions and tokens.
 *
 * @param options.days how long it lasts; null if it has no end. Ignored for a warning.
 * @throws DomainError `not-found`, or `forbidden` unless `maySanction`
 */
export async function sanction(
  { db, queue }: Dependencies,
  moderator: Moderator,
  userId: number,
  { kind, days, reason }: { kind: Sanction; days: number | null; reason: string },
): Promise<void> {
  const until = days === null ? NEVER : new Date(Date.now() + days * 24 * 60 * 60 * 1000);
  await db.transaction().execute(async (trx) => {
    await requirePerson(trx, moderator, userId);
    if (kind === 'suspended') {
      await trx.updateTable('users').set({ suspended_until: until }).where('id', '=', userId).execute();
      await endAccess(trx, userId);
    } else if (kind === 'silenced') {
      await trx.updateTable('users').set({ silenced_until: until }).where('id', '=', userId).execute();
    }
    const detail = { reason, ...(kind !== 'warned' && { lasts: untilWhen(until) }) };
    const eventId = await recordEvent(trx, { kind, userId, detail });
    await notifyOfDecision({ db: trx, queue }, { userId, eventId });
  });
}

/**
 * Ends a person's sanctions early, and mails the person.
 *
 * @param detail why, and what to end; both by default
 * @throws DomainError `not-found`, `not-in-force`, or `forbidden` unless `maySanction`
 */
export async function liftSanctions(
  { db, queue }: Dependencies,
  moderator: Moderator,
  userId: number,
  detail: Why & { lifts?: 'silenced' | 'suspended' } = {},
): Promise<void> {
  const { lifts } = detail;
  await db.transaction().execute(async (trx) => {
    await requirePerson(trx, moderator, userId);
    const { numUpdatedRows } = await trx
      .updateTable('users')
      .$if(lifts !== 'suspended', (update) => update.set({ silenced_until: null }))
      .$if(lifts !== 'silenced', (update) => update.set({ suspended_until: null }))
      .where('id', '=', userId)
      .where(({ or, eb }) =>
        or([
          ...(lifts === 'suspended' ? [] : [eb('silenced_until', '>', sql<Date>`now()`)]),
          ...(lifts === 'silenced' ? [] : [eb('suspended_until', '>', sql<Date>`now()`)]),
        ]),
      )
      .executeTakeFirst();
    if (numUpdatedRows === 0n) throw new DomainError('not-in-force', 'There is nothing left to lift.');
    const eventId = await recordEvent(trx, { kind: 'sanction-lifted', userId, detail: { ...detail } });
    await notifyOfDecision({ db: trx, queue }, { userId, eventId });
  });
}

/** Mails a person about a moderator's decision, whatever their email choices, and notifies them. */
async function notifyOfDecision(
  { db, queue }: { db: Db; queue: Queue },
  { userId, eventId }: { userId: number; eventId: number },
): Promise<void> {
  await queue.send(mailQueue, { template: 'moderation', userId, eventId }, { db });
  await queue.send(notifyQueue, { about: 'moderation', eventId }, { db });
}

/** The content of a mail about a sanction. Undefined if its record was deleted. */
export async function loadSanction(db: Db, eventId: number): Promise<object | undefined> {
  return db
    .selectFrom('security_events')
    .select(['kind', 'detail'])
    .where('id', '=', eventId)
    .executeTakeFirst();
}

/** “until 2026-12-01”, or “permanently”. */
export function untilWhen(moment: Date): string {
  return moment >= NEVER ? 'permanently' : `until ${moment.toISOString().slice(0, 10)}`;
}

/**
 * Locks a person's row, which makes concurrent log-ins wait, and returns it.
 *
 * @throws DomainError `not-found`, or `forbidden` unless `maySanction`
 */
export async function requirePerson(
  trx: Transaction<Schema>,
  moderator: Moderator,
  userId: number,
): Promise<Moderator & { readonly username: string }> {
  const person = await trx
    .selectFrom('users')
    .select(['id', 'role', 'username'])
    .where('id', '=', userId)
    .forUpdate()
    .executeTakeFirstOrThrow(() => noSuch('user'));
  if (!maySanction(moderator, person))
    throw new DomainError('forbidden', 'You do not have permission to moderate this person.');
  return person;
}
