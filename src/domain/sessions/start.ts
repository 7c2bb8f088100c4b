import type { Db } from '../../schema.ts';
import { mintToken } from '../token.ts';
import { expiry, SESSION_SECONDS } from './lifetime.ts';

/** Starts a signed-in session on one device. Returns the token for its cookie; only a hash of it is stored. */
export async function startSession(
  db: Db,
  { userId, isRemembered }: { userId: number; isRemembered: boolean },
): Promise<string> {
  const { token, hash } = mintToken();
  const seconds = isRemembered ? SESSION_SECONDS.remembered : SESSION_SECONDS.unremembered;
  await db
    .insertInto('sessions')
    .values({ token_hash: hash, user_id: userId, is_remembered: isRemembered, expires_at: expiry(seconds) })
    .execute();
  return token;
}

/** Starts the short session of a visitor who is not signed in, to carry a message to their next page. */
export async function startAnonymousSession(db: Db, message: string): Promise<string> {
  const { token, hash } = mintToken();
  await db
    .insertInto('sessions')
    .values({
      token_hash: hash,
      user_id: null,
      flash: [message],
      expires_at: expiry(SESSION_SECONDS.anonymous),
    })
    .execute();
  return token;
}
