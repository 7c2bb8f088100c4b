import type { Db } from '../../schema.ts';
import { type Credentials, findByEmail } from './find.ts';

interface Dependencies {
  readonly db: Db;
  readonly passwords: { verify(passwordHash: string | undefined, password: string): Promise<boolean> };
}

/** The account that an email and a password belong to, or undefined, after the same time either way. */
export async function authenticate(
  { db, passwords }: Dependencies,
  { email, password }: { email: string; password: string },
): Promise<Credentials | undefined> {
  const account = await findByEmail(db, email);
  return (await passwords.verify(account?.passwordHash, password)) ? account : undefined;
}
