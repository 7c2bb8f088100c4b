import type { Db } from '../../schema.ts';
import type { Candidate, Candidates, Credentials } from './find.ts';

interface Dependencies {
  readonly db: Db;
  readonly passwords: { verify(passwordHash: string | undefined, password: string): Promise<boolean> };
}

/**
 * The account among an address's candidates that a password belongs to, or undefined. Two hashes are verified, side by
 * side, whatever accounts there are: the time does not tell whether somebody has confirmed the address, or registered
 * with it.
 */
export async function authenticate(
  passwords: Dependencies['passwords'],
  candidates: Candidates,
  password: string,
): Promise<Candidate | undefined> {
  const matches = await Promise.all(
    candidates.map((candidate) => passwords.verify(candidate?.passwordHash, password)),
  );
  return candidates.find((_, index) => matches[index]);
}

/** An account, if a password is its own. */
export async function verifyPassword(
  { db, passwords }: Dependencies,
  userId: number,
  password: string,
): Promise<Credentials | undefined> {
  const account = await db
    .selectFrom('users')
    .select(['id', 'password_hash as passwordHash'])
    .where('id', '=', userId)
    .executeTakeFirst();
  return (await passwords.verify(account?.passwordHash, password)) ? account : undefined;
}
