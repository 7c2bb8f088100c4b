import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { HAS_TWO_FACTOR, SUSPENDED_UNTIL } from './standing.ts';

/** An account and the password hash that was verified. */
export interface Credentials {
  readonly id: number;
  readonly passwordHash: string;
}

export interface Candidate extends Credentials {
  readonly isConfirmed: boolean;
  /** Whether a log-in needs a second factor. */
  readonly hasTwoFactor: boolean;
  /** When it will be deleted; nobody can log in until then. Null if it stays. */
  readonly deletionDueAt: Date | null;
  /** Until when nobody can log in; null if it is not suspended. */
  readonly suspendedUntil: Date | null;
}

/** The account that has confirmed an address, and the newest account that has not. */
export type Candidates = readonly [owner: Candidate | undefined, unconfirmed: Candidate | undefined];

/** Finds the accounts that an address may log in to, in one statement. Ignores case. */
export async function findCandidates(db: Db, email: string): Promise<Candidates> {
  const { rows } = await sql<Candidate>`
    select id, password_hash as "passwordHash", true as "isConfirmed", ${HAS_TWO_FACTOR} as "hasTwoFactor",
      deletion_due_at as "deletionDueAt", ${SUSPENDED_UNTIL} as "suspendedUntil"
    from users
    where lower(email) = lower(${email}) and confirmed_at is not null
    union all
    (
      select id, password_hash, false, ${HAS_TWO_FACTOR}, deletion_due_at, ${SUSPENDED_UNTIL} from users
      where lower(email) = lower(${email}) and confirmed_at is null
      order by id desc limit 1
    )
  `.execute(db);
  return [rows.find(({ isConfirmed }) => isConfirmed), rows.find(({ isConfirmed }) => !isConfirmed)];
}

/** Finds the account that has confirmed an address, or else the newest that has not. */
export async function findByEmail(db: Db, email: string): Promise<Credentials | undefined> {
  const [owner, unconfirmed] = await findCandidates(db, email);
  return owner ?? unconfirmed;
}

/** The result of `findByEmail` as an SQL expression: the account's id, or null. */
export function accountIdOf(email: RawBuilder<string>): RawBuilder<number | null> {
  return sql`coalesce(
    (select account.id from users as account
      where lower(account.email) = lower(${email}) and account.confirmed_at is not null),
    (select max(account.id) from users as account
      where lower(account.email) = lower(${email}) and account.confirmed_at is null)
  )`;
}
