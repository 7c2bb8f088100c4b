import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { noSuch } from '../../errors.ts';
import { mailQueue } from '../../queues.ts';
import { canonicalEmail } from '../accounts/email.ts';
import { IS_OPEN } from '../accounts/standing.ts';
import type { Dependencies } from '../dependencies.ts';
import { rowCount } from '../page.ts';
import { hashToken } from '../token.ts';
import { ARE_SUBSCRIPTIONS_ON } from './terms.ts';

/** Confirmation mails to one address per day, whoever asks for them; one per author. */
const MAX_REQUESTS = 3;

/** The author subscribed to, and the address that gets the posts. */
export interface Subscription {
  readonly authorId: number;
  readonly email: string;
}

/** A person to subscribe to. */
export interface Author {
  readonly id: number;
  readonly username: string;
  readonly postCount: number;
  /** Whether they are neither suspended nor about to be deleted. */
  readonly isOpen: boolean;
  /** The key of the reader's own subscription; null if there is none. */
  readonly unsubscribeKey: string | null;
  /** How many people subscribe by email; null unless the reader is the author. */
  readonly subscriberCount: number | null;
}

/**
 * Finds a person to subscribe to. Ignores case.
 *
 * @param reader null for a visitor
 * @throws DomainError `not-found`
 */
export function findAuthor(
  db: Db,
  username: string,
  reader: { readonly id: number; readonly email: string; readonly isConfirmed: boolean } | null,
): Promise<Author> {
  const email = reader?.isConfirmed ? canonicalEmail(reader.email) : null;
  return db
    .selectFrom('users')
    .select(['users.id', 'users.username', 'users.post_count as postCount', IS_OPEN.as('isOpen')])
    .select(({ selectFrom }) => [
      selectFrom('subscriptions')
        .select('subscriptions.unsubscribe_key')
        .whereRef('subscriptions.author_id', '=', 'users.id')
        .where('subscriptions.email', '=', email)
        .where('subscriptions.confirmed_at', 'is not', null)
        .as('unsubscribeKey'),
      selectFrom('subscriptions')
        .select(rowCount.as('count'))
        .whereRef('subscriptions.author_id', '=', 'users.id')
        .where('subscriptions.confirmed_at', 'is not', null)
        .having('users.id', '=', reader?.id ?? null)
        .as('subscriberCount'),
    ])
    .where(sql`lower(users.username)`, '=', username.toLowerCase())
    .where('users.confirmed_at', 'is not', null)
    .executeTakeFirstOrThrow(() => noSuch('user'));
}

/**
 * Mails a confirmation link to an address that anyone may have typed. To prevent flooding, does nothing if the address already
 * subscribes, or was sent a link for this author or three links in all within a day. Callers must not reveal which.
 */
export async function requestSubscription(
  { db, queue }: Dependencies,
  { authorId, email }: Subscription,
): Promise<void> {
  const address = canonicalEmail(email);
  await db.transaction().execute(async (trx) => {
    // Serialises requests for one address, to count them correctly.
    await sql`select pg_advisory_xact_lock(hashtextextended(${address}, 0))`.execute(trx);
    const { rows } = await sql<{ id: number }>`
      insert into subscriptions as earlier (author_id, email, asked_at)
      select users.id, ${address}, now() from users
      where users.id = ${authorId} and users.confirmed_at is not null and ${IS_OPEN} and ${ARE_SUBSCRIPTIONS_ON} and (
        select count(*) from subscriptions where email = ${address} and asked_at > now() - interval '1 day'
      ) < ${sql.lit(MAX_REQUESTS)}
      on conflict (author_id, email) do update set asked_at = now()
        where earlier.confirmed_at is null and earlier.asked_at <= now() - interval '1 day'
      returning id
    `.execute(trx);
    for (const { id } of rows)
      await queue.send(mailQueue, { template: 'confirm-subscription', subscriptionId: id }, { db: trx });
  });
}

/** Subscribes an account's address, if it is confirmed. No link is needed, because its owner is logged in. */
export async function subscribeAccount(db: Db, authorId: number, userId: number): Promise<void> {
  await sql`
    insert into subscriptions as earlier (author_id, email, confirmed_at)
    select author.id, lower(reader.email), now() from users as reader, lateral (
      select id from users where id = ${authorId} and confirmed_at is not null and ${IS_OPEN} and ${ARE_SUBSCRIPTIONS_ON}
    ) as author
    where reader.id = ${userId} and reader.confirmed_at is not null
    on conflict (author_id, email) do update set confirmed_at = now() where earlier.confirmed_at is null
  `.execute(db);
}

/** Finds the subscription that a mailed link confirms. Undefined if the link is invalid or the author is gone. */
export function findRequested(
  db: Db,
  token: string,
): Promise<{ readonly author: string; readonly email: string } | undefined> {
  return db
    .selectFrom('mailed_tokens')
    .innerJoin('subscriptions', 'subscriptions.id', 'mailed_tokens.subscription_id')
    .innerJoin('users', 'users.id', 'subscriptions.author_id')
    .select(['users.username as author', 'subscriptions.email'])
    .where('token_hash', '=', hashToken(token))
    .where('purpose', '=', 'confirm-subscription')
    .where('expires_at', '>', sql<Date>`now()`)
    .where(IS_OPEN)
    .executeTakeFirst();
}

/**
 * Consumes a mailed link and confirms its subscription.
 *
 * @returns false if the link is not valid
 */
export async function confirmSubscription(db: Db, token: string): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    with used as (
      delete from mailed_tokens
      where token_hash = ${hashToken(token)} and purpose = 'confirm-subscription' and expires_at > now()
      returning subscription_id
    )
    update subscriptions set confirmed_at = coalesce(confirmed_at, now()) from used where id = used.subscription_id
  `.execute(db);
  return numAffectedRows > 0n;
}

/** Lists the people to whom an account's address subscribes. */
export function listSubscriptions(db: Db, userId: number): Promise<{ username: string; since: Date }[]> {
  return db
    .selectFrom('users as reader')
    .innerJoin('subscriptions', (join) => join.on('subscriptions.email', '=', sql`lower(reader.email)`))
    .innerJoin('users as author', 'author.id', 'subscriptions.author_id')
    .select(['author.username', 'subscriptions.confirmed_at as since'])
    .where('reader.id', '=', userId)
    .where('reader.confirmed_at', 'is not', null)
    .where('subscriptions.confirmed_at', 'is not', null)
    .$narrowType<{ since: Date }>()
    .orderBy('subscriptions.id')
    .execute();
}
