import type { Db } from '../../database/schema.ts';

/** Optional mails, which people can unsubscribe from. */
export type MailingList = 'digest' | 'comments';

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

/** The token of a person's link that unsubscribes from a list. It does not expire, because people open old mail. */
export function unsubscribeToken(list: MailingList, key: string): string {
  return `${list}.${key}`;
}

/** Finds what an unsubscribe link unsubscribes from. Undefined if the link is invalid. */
export async function findUnsubscribeLink(db: Db, token: string): Promise<MailingList | undefined> {
  const link = readUnsubscribeToken(token);
  if (link === undefined) return undefined;
  const found = await db
    .selectFrom('users')
    .select('id')
    .where('unsubscribe_key', '=', link.key)
    .executeTakeFirst();
  return found && link.list;
}

/**
 * Unsubscribes through a mailed link. Does not consume it, because repeating it changes nothing.
 *
 * @returns the list; undefined if the link is invalid
 */
export async function unsubscribe(db: Db, token: string): Promise<MailingList | undefined> {
  const link = readUnsubscribeToken(token);
  if (link === undefined) return undefined;
  const { numUpdatedRows } = await db
    .updateTable('users')
    .set(link.list === 'digest' ? { wants_digest: false } : { wants_comment_mails: false })
    .where('unsubscribe_key', '=', link.key)
    .executeTakeFirst();
  return numUpdatedRows > 0n ? link.list : undefined;
}

const TOKEN = /^(digest|comments)\.([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/;

function readUnsubscribeToken(token: string): { list: MailingList; key: string } | undefined {
  const [, list, key] = TOKEN.exec(token) ?? [];
  return key === undefined ? undefined : { list: list === 'digest' ? list : 'comments', key };
}
