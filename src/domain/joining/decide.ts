import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { mailQueue } from '../../queues.ts';
import { setConfirmed } from '../accounts/confirm.ts';
import type { Dependencies } from '../dependencies.ts';
import { recordEvent } from '../security-events/record.ts';
import { violatedConstraint } from '../violated-constraint.ts';

/** Applications on the page. */
const MAX_LISTED = 50;

/** An application that waits for a moderator. */
export interface Application {
  readonly userId: number;
  readonly username: string;
  /** Why they want to join. */
  readonly reason: string;
  /** Since when it has been waiting. */
  readonly confirmedAt: Date;
}

/** Lists the applications that have waited longest. More appear once these are decided. */
export async function listApplications(db: Db): Promise<readonly Application[]> {
  return db
    .selectFrom('applications')
    .innerJoin('users', 'users.id', 'user_id')
    .select(({ ref }) => [
      'user_id as userId',
      'username',
      'reason',
      ref('applications.confirmed_at').$notNull().as('confirmedAt'),
    ])
    .where('applications.confirmed_at', 'is not', null)
    .where('declined_at', 'is', null)
    .orderBy('applications.confirmed_at')
    .limit(sql.lit(MAX_LISTED))
    .execute();
}

/**
 * Confirms an applicant's account and mails them.
 *
 * @throws DomainError `not-found` if the application is no longer waiting, or `email-taken` if another account has
 *   confirmed the address in the meantime
 */
export async function approveApplication({ db, queue }: Dependencies, userId: number): Promise<void> {
  try {
    await db.transaction().execute(async (trx) => {
      await requireWaiting(trx, userId);
      await setConfirmed(trx, userId);
      await recordEvent(trx, { kind: 'application-approved', userId });
      await queue.send(mailQueue, { template: 'application-approved', userId }, { db: trx });
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'users_email_key') throw error;
    throw new DomainError('email-taken', 'Another account has confirmed this person’s email address.');
  }
}

/**
 * Declines an application and mails the applicant. Their account is deleted once it has not been used for a week.
 *
 * @throws DomainError `not-found` if the application is no longer waiting
 */
export async function declineApplication({ db, queue }: Dependencies, userId: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await requireWaiting(trx, userId);
    await trx
      .updateTable('applications')
      .set({ declined_at: sql`now()` })
      .where('user_id', '=', userId)
      .execute();
    await recordEvent(trx, { kind: 'application-declined', userId });
    await queue.send(mailQueue, { template: 'application-declined', userId }, { db: trx });
  });
}

/** Locks the account, to serialise decisions by two moderators, and changes of address by the applicant. */
async function requireWaiting(trx: Db, userId: number): Promise<void> {
  await trx.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute();
  await trx
    .selectFrom('applications')
    .select('user_id')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .where('declined_at', 'is', null)
    .executeTakeFirstOrThrow(() => noSuch('application'));
}
