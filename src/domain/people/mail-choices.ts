import type { MailFrequency } from '../../database/account-tables.ts';
import type { Db } from '../../database/schema.ts';
import { unsubscribeFromPosts } from '../subscriptions/unsubscribe.ts';

/** Which optional mails a person wants, and how often they want mail about each kind of notification. */
export interface MailChoices {
  readonly wantsDigest: boolean;
  readonly comments: MailFrequency;
  readonly replies: MailFrequency;
  readonly mentions: MailFrequency;
  readonly follows: MailFrequency;
}

/**
 * Optional mails, which people can unsubscribe from. `notifications` are all of an account's except the digest; `posts` are
 * those of a subscription, with or without an account.
 */
export type MailingList = keyof typeof LIST_NAMES;

/** How pages and mails name the lists. */
export const LIST_NAMES = Object.freeze({
  digest: 'the weekly digest',
  comments: 'comment emails',
  replies: 'reply emails',
  mentions: 'mention emails',
  follows: 'emails about new followers',
  notifications: 'all emails about notifications',
  posts: 'these posts by email',
});

/** The choices of somebody who wants no mail about notifications. */
export const NO_NOTIFICATIONS = {
  comment_mails: 'never',
  reply_mails: 'never',
  mention_mails: 'never',
  follow_mails: 'never',
} as const;

/** The columns that unsubscribing from a list sets. */
const UNSUBSCRIBED = {
  digest: { wants_digest: false },
  comments: { comment_mails: 'never' },
  replies: { reply_mails: 'never' },
  mentions: { mention_mails: 'never' },
  follows: { follow_mails: 'never' },
  notifications: NO_NOTIFICATIONS,
} as const satisfies Record<Exclude<MailingList, 'posts'>, object>;

export function findMailChoices(db: Db, userId: number): Promise<MailChoices> {
  return db
    .selectFrom('users')
    .select(['wants_digest as wantsDigest', 'comment_mails as comments', 'reply_mails as replies'])
    .select(['mention_mails as mentions', 'follow_mails as follows'])
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
}

export async function chooseMails(
  db: Db,
  userId: number,
  { wantsDigest, comments, replies, mentions, follows }: MailChoices,
): Promise<void> {
  await db
    .updateTable('users')
    .set({ wants_digest: wantsDigest, comment_mails: comments, reply_mails: replies })
    .set({ mention_mails: mentions, follow_mails: follows })
    .where('id', '=', userId)
    .execute();
}

/** The token of a person's unsubscribe link for a list. It does not expire, because people open old mail. */
export function unsubscribeToken(list: MailingList, key: string): string {
  return `${list}.${key}`;
}

/** Finds the list of an unsubscribe link. Undefined if the link is invalid. */
export async function findUnsubscribeLink(db: Db, token: string): Promise<MailingList | undefined> {
  const link = readUnsubscribeToken(token);
  if (link === undefined) return undefined;
  // The link stays valid after the subscription has ended, and its page then says so.
  if (link.list === 'posts') return link.list;
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
  if (link.list === 'posts') {
    await unsubscribeFromPosts(db, link.key);
    return link.list;
  }
  const { numUpdatedRows } = await db
    .updateTable('users')
    .set(UNSUBSCRIBED[link.list])
    .where('unsubscribe_key', '=', link.key)
    .executeTakeFirst();
  return numUpdatedRows > 0n ? link.list : undefined;
}

const TOKEN = /^([a-z]+)\.([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/;

function readUnsubscribeToken(token: string): { list: MailingList; key: string } | undefined {
  const [, list = '', key] = TOKEN.exec(token) ?? [];
  return key !== undefined && isMailingList(list) ? { list, key } : undefined;
}

function isMailingList(name: string): name is MailingList {
  return Object.hasOwn(LIST_NAMES, name);
}
