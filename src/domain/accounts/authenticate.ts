import type { Db } from '../../database/schema.ts';
import type { Candidate, Candidates, Credentials } from './find.ts';

interface Dependencies {
  readonly db: Db;
  readonly passwords: { verify(passwordHash: string | undefined, password: string): Promise<boolean> };
}

/**
 * Finds the candidate whose password was given. Always verifies two hashes concurrently, so the response time does not
 * reveal whether the address has an account.
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

/** Returns the account if the password is correct. */
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
