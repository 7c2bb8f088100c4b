import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';

/** The maximum length of an applicant's reason, in characters. */
export const MAX_REASON_LENGTH = 500;

/** First the applicant confirms their address, then the application waits for a moderator, who may decline it. */
export type ApplicationState = 'unconfirmed' | 'waiting' | 'declined';

/** Finds the state of a person's application. Undefined if they have not applied, or were approved. */
export async function findApplicationState(db: Db, userId: number): Promise<ApplicationState | undefined> {
  const application = await db
    .selectFrom('applications')
    .select(
      sql<ApplicationState>`case when declined_at is not null then 'declined'
        when confirmed_at is not null then 'waiting' else 'unconfirmed' end`.as('state'),
    )
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return application?.state;
}

/**
 * Submits an application to the moderators, because its address is confirmed.
 *
 * @param trx the transaction in which a link to confirm the address was used
 * @param options.exceptEmail the operator's address, which needs nobody's approval
 * @returns false if there is nothing to decide, and the account can be confirmed at once
 */
export async function submitApplication(
  trx: Db,
  userId: number,
  { exceptEmail = '' }: { exceptEmail: string | undefined },
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('applications')
    .from('users')
    .set({ confirmed_at: sql`coalesce(applications.confirmed_at, now())` })
    .whereRef('users.id', '=', 'user_id')
    .where('user_id', '=', userId)
    .where(sql`lower(email)`, '<>', sql`lower(${exceptEmail})`)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Withdraws an application until the new address is confirmed. */
export async function withdrawApplication(trx: Db, userId: number): Promise<void> {
  await trx.updateTable('applications').set({ confirmed_at: null }).where('user_id', '=', userId).execute();
}

/** Deletes the application of an account that is confirmed. */
export async function closeApplication(trx: Db, userId: number): Promise<void> {
  await trx.deleteFrom('applications').where('user_id', '=', userId).execute();
}
