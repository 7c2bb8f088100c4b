import { sql } from 'kysely';
import type { TokenPurpose } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { goodTokens } from '../accounts/mailed-token.ts';

const UNSUBSCRIBING: readonly TokenPurpose[] = ['stop-digest', 'stop-comment-mails'];

/** Which optional mails a person wants. */
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

/** Finds what an unsubscribe link unsubscribes from. Undefined if the link is invalid or has expired. */
export async function findUnsubscribeLink(
  db: Db,
  token: string,
): Promise<'digest' | 'comment mails' | undefined> {
  const found = await goodTokens(db, UNSUBSCRIBING, token).select('purpose').executeTakeFirst();
  if (found === undefined) return undefined;
  return found.purpose === 'stop-digest' ? 'digest' : 'comment mails';
}

/**
 * Unsubscribes through a mailed link. Does not consume it, because repeating it changes nothing.
 *
 * @returns whether the link is valid
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
