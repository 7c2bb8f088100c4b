import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { mailQueue } from '../../queues.ts';
import type { Dependencies } from '../dependencies.ts';
import { rowCount } from '../page.ts';
import { recordEvent } from '../security-events/record.ts';
import { hashToken, mintToken } from '../token.ts';
import { startSession } from './start.ts';

/** Browsers that an account remembers. It forgets the least recently used first. */
const MAX_BROWSERS = 20;

/** Mails about new browsers that an account gets per hour, even if a program logs in without cookies. */
const MAX_MAILS_PER_HOUR = 5;

export interface LogIn {
  /** The id of the account. */
  readonly id: number;
  /** The verified password hash. Undefined if they logged in through a mailed link. */
  readonly passwordHash?: string;
  /** Whether a second factor was given. */
  readonly isSecondFactorProven?: boolean;
  readonly isRemembered: boolean;
  /** The tokens in the browser's persistent cookie, one per account. */
  readonly browsers: readonly string[];
  readonly address: string;
}

/**
 * Logs a user in, and mails them if the browser is new to the account. A browser has a separate token for each account,
 * because its other users know theirs.
 *
 * @returns the tokens for the cookies; a browser token only if the browser is new
 * @throws DomainError `unauthorized` if the password has changed in the meantime, or a second factor is missing
 */
export async function logIn(
  { db, queue }: Dependencies,
  { id: userId, browsers, address, ...proof }: LogIn,
): Promise<{ session: string; browser: string | undefined }> {
  return db.transaction().execute(async (trx) => {
    const session = await startSession(trx, { userId, ...proof });
    await recordEvent(trx, { kind: 'logged-in', userId, actorId: userId });
    if (await recordUse(trx, userId, browsers)) return { session, browser: undefined };
    const others = await findBrowsers(trx, userId);
    const isFirst = others.known === 0 && !others.hasLoggedIn;
    if (!isFirst && others.ofLastHour < MAX_MAILS_PER_HOUR) {
      await queue.send(mailQueue, { template: 'new-login', userId, address }, { db: trx });
    }
    return { session, browser: await rememberBrowser(trx, userId) };
  });
}

/** Makes a browser known to an account. Returns its token. */
export async function rememberBrowser(db: Db, userId: number): Promise<string> {
  await forgetOldBrowsers(db, userId);
  const { token, hash } = mintToken();
  await db.insertInto('known_browsers').values({ user_id: userId, token_hash: hash }).execute();
  return token;
}

/** Finds the token by which an account knows a browser. Takes the same time if there is no account. */
export async function findKnownBrowser(
  db: Db,
  userId: number | undefined,
  browsers: readonly string[],
): Promise<string | undefined> {
  const row = await db
    .selectFrom('known_browsers')
    .select('token_hash')
    .where('user_id', '=', userId ?? 0)
    .where('token_hash', '=', anyOf(browsers))
    .executeTakeFirst();
  return row && browsers.find((token) => hashToken(token).equals(row.token_hash));
}

/** Records that a browser was used. Returns whether the account knows it. */
async function recordUse(db: Db, userId: number, browsers: readonly string[]): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('known_browsers')
    .set({ last_used_at: sql<Date>`now()` })
    .where('user_id', '=', userId)
    .where('token_hash', '=', anyOf(browsers))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** A single parameter for any number of tokens, to keep the statement the same. */
function anyOf(tokens: readonly string[]) {
  return sql<Buffer>`any(${tokens.map(hashToken)}::bytea[])`;
}

/** Counts known browsers. `hasLoggedIn` is separate, because a new password makes the account forget its browsers. */
async function findBrowsers(
  db: Db,
  userId: number,
): Promise<{ known: number; ofLastHour: number; hasLoggedIn: boolean }> {
  return db
    .selectFrom('known_browsers')
    .select(rowCount.as('known'))
    .select(
      sql<number>`count(*) filter (where created_at > now() - interval '1 hour')::integer`.as('ofLastHour'),
    )
    .select(
      // `offset 1` skips the event of this log-in.
      sql<boolean>`exists (
        select from security_events where user_id = ${userId} and kind = 'logged-in' offset 1
      )`.as('hasLoggedIn'),
    )
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
}

/** Makes room for one more browser. Concurrent log-ins may have exceeded the limit. */
async function forgetOldBrowsers(db: Db, userId: number): Promise<void> {
  await db
    .deleteFrom('known_browsers')
    .where('user_id', '=', userId)
    .where('token_hash', 'in', ({ selectFrom }) =>
      selectFrom('known_browsers')
        .select('token_hash')
        .where('user_id', '=', userId)
        .orderBy('last_used_at', 'desc')
        .offset(MAX_BROWSERS - 1),
    )
    .execute();
}
