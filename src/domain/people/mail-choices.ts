import { sql } from 'kysely';
import type { TokenPurpose } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { goodTokens } from '../accounts/mailed-token.ts';

const UNSUBSCRIBING: readonly TokenPurpose[] = ['stop-digest', 'stop-comment-mails'];

/** Which mails a person wants beside those that their account needs. */
export interface MailChoices {
  readonly wantsDigest: boolean;
  readonly wantsCommentMails: boolean;
}

export function findMailChoices(db: Db, userId: number): Promise<MailChoices> {
  return db
    .selectFrom('users')
    .select(['wants_digest as wantsDigest', 'wants_comment_mails as wantsCommentMails'])
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
}

export async function chooseMails(
  db: Db,
  userId: number,
  { wantsDigest, wantsCommentMails }: MailChoices,
): Promise<void> {
  await db
    .updateTable('users')
    .set({ wants_digest: wantsDigest, wants_comment_mails: wantsCommentMails })
    .where('id', '=', userId)
    .execute();
}

/** Which kind of mail an unsubscribe link ends. Undefined when the link is not good, or not any more. */
export async function findUnsubscribeLink(
  db: Db,
  token: string,
): Promise<'digest' | 'comment mails' | undefined> {
  const found = await goodTokens(db, UNSUBSCRIBING, token).select('purpose').executeTakeFirst();
  if (found === undefined) return undefined;
  return found.purpose === 'stop-digest' ? 'digest' : 'comment mails';
}

/**
 * Ends what an unsubscribe link is for. Following it again changes nothing, so the link stays good.
 *
 * @returns whether the link is good
 */
export async function unsubscribe(db: Db, token: string): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('users')
    .from(goodTokens(db, UNSUBSCRIBING, token).select(['user_id', 'purpose']).as('link'))
    .set({
      wants_digest: sql<boolean>`wants_digest and purpose <> 'stop-digest'`,
      wants_comment_mails: sql<boolean>`wants_comment_mails and purpose <> 'stop-comment-mails'`,
    })
    .whereRef('users.id', '=', 'link.user_id')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
