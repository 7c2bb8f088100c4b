import { sql } from 'kysely';
import type { Db } from '../../schema.ts';

/** The account of an email, whatever its case; undefined when there is none. */
export function findByEmail(
  db: Db,
  email: string,
): Promise<{ id: number; passwordHash: string } | undefined> {
  return db
    .selectFrom('users')
    .select(['id', 'password_hash as passwordHash'])
    .where(sql`lower(email)`, '=', sql`lower(${email})`)
    .executeTakeFirst();
}
