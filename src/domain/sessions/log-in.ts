import { type Kysely, sql } from 'kysely';
import { mailQueue, type Queue } from '../../queues.ts';
import type { Db, Schema } from '../../schema.ts';
import { rowCount } from '../page.ts';
import { hashToken, mintToken } from '../token.ts';
import { startSession } from './start.ts';

/** How many browsers an account knows at most; the one that was used longest ago is forgotten first. */
const MOST_BROWSERS = 20;

/** How many mails about new browsers an account gets in an hour; a program that logs in without cookies must not send more. */
const MOST_MAILS_AN_HOUR = 5;

export interface LogIn {
  /** Of the account. */
  readonly id: number;
  /** Of the password that was given. Undefined when a mailed link let them in. */
  readonly passwordHash?: string;
  readonly isRemembered: boolean;
  /** The token of the browser's lasting cookie, if it sent one. */
  readonly browser: string | undefined;
  readonly address: string;
}

/**
 * Logs somebody in, and mails them when an account that knows other browsers is entered from one it does not know.
 *
 * @returns the tokens for the cookies of the session and of the browser
 * @throws DomainError `unauthorized` when the password has been changed meanwhile
 */
export async function logIn(
  { db, queue }: { db: Kysely<Schema>; queue: Queue },
  { id: userId, passwordHash, isRemembered, browser, address }: LogIn,
): Promise<{ session: string; browser: string }> {
  return db.transaction().execute(async (trx) => {
    const session = await startSession(trx, { userId, isRemembered, ...(passwordHash && { passwordHash }) });
    const token = browser ?? mintToken().token;
    const others = await findBrowsers(trx, userId);
    if (await rememberBrowser(trx, userId, token)) {
      if (others.known > 0 && others.ofLastHour < MOST_MAILS_AN_HOUR) {
        await queue.send(mailQueue, { template: 'new-login', userId, address }, { db: trx });
      }
      if (others.known >= MOST_BROWSERS) await forgetOldestBrowser(trx, userId);
    }
    return { session, browser: token };
  });
}

/** Whether a browser has logged in to an account before. For no account the answer is no, after the same work. */
export async function isKnownBrowser(
  db: Db,
  userId: number | undefined,
  browser: string | undefined,
): Promise<boolean> {
  const row = await db
    .selectFrom('known_browsers')
    .select('user_id')
    .where('user_id', '=', userId ?? 0)
    .where('token_hash', '=', hashToken(browser ?? ''))
    .executeTakeFirst();
  return row !== undefined;
}

async function findBrowsers(db: Db, userId: number): Promise<{ known: number; ofLastHour: number }> {
  return db
    .selectFrom('known_browsers')
    .select(rowCount.as('known'))
    .select(
      sql<number>`count(*) filter (where created_at > now() - interval '1 hour')::integer`.as('ofLastHour'),
    )
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow();
}

/** Writes down that a browser has logged in. Returns whether it is new to the account. */
async function rememberBrowser(db: Db, userId: number, token: string): Promise<boolean> {
  const { isNew } = await db
    .insertInto('known_browsers')
    .values({ user_id: userId, token_hash: hashToken(token) })
    .onConflict((conflict) =>
      conflict.columns(['user_id', 'token_hash']).doUpdateSet({ last_used_at: sql<Date>`now()` }),
    )
    .returning(sql<boolean>`created_at = last_used_at`.as('isNew'))
    .executeTakeFirstOrThrow();
  return isNew;
}

async function forgetOldestBrowser(db: Db, userId: number): Promise<void> {
  await db
    .deleteFrom('known_browsers')
    .where('user_id', '=', userId)
    .where('token_hash', '=', ({ selectFrom }) =>
      selectFrom('known_browsers')
        .select('token_hash')
        .where('user_id', '=', userId)
        .orderBy('last_used_at')
        .limit(1),
    )
    .execute();
}
