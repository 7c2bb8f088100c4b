import { sql } from 'kysely';
import type { Db } from '../../schema.ts';

/** An account and the hash of its password, as they were when somebody was let in. */
export interface Credentials {
  readonly id: number;
  readonly passwordHash: string;
}

/** The account of an email, whatever its case; undefined when there is none. */
export function findByEmail(db: Db, email: string): Promise<Credentials | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'password_hash as passwordHash'])
    .where(sql`lower(email)`, '=', sql`lower(${email})`)
    .executeTakeFirst();
}
