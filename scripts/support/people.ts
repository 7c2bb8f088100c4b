import type { Kysely } from 'kysely';
import type { Schema } from '../../src/database/schema.ts';
import { deleteForReason, GRACE_DAYS } from '../../src/domain/accounts/delete-account.ts';
import { endAccessManually } from '../../src/domain/accounts/end-access.ts';
import { type Moderator, sanction } from '../../src/domain/moderation/sanction.ts';
import { type Account, findAccount } from '../../src/domain/people/find.ts';
import { type ListedPerson, listPeople } from '../../src/domain/people/list.ts';
import { StartupError } from '../../src/errors.ts';
import type { Queue } from '../../src/queue/index.ts';
import { findByAddress } from './accounts.ts';
import type { Ask } from './ask.ts';

interface Dependencies {
  readonly db: Kysely<Schema>;
  readonly queue: Queue;
  readonly ask: Ask;
}

/** The operator may do what Administrators may, and like them not to other Administrators. */
const OPERATOR: Moderator = { id: 0, role: 'Administrator' };

/** The most people to list. */
const MAX_LISTED = 50;

/** The longest temporary suspension, in days. */
const MAX_DAYS = 3650;

const MAX_REASON_LENGTH = 500;

/** Lists the newest people who match. */
export async function showPeople(db: Kysely<Schema>, text: string): Promise<string> {
  const { items, older } = await listPeople(db, { text: text || undefined }, { size: MAX_LISTED });
  if (items.length === 0) return 'No matching people.';
  const lines = items.map((person) =>
    [person.email, person.username, person.role, ...statesOf(person)].join('\t'),
  );
  if (older !== undefined) lines.push(`These are the newest ${MAX_LISTED}. Give a word to find others.`);
  return lines.join('\n');
}

function statesOf({ isConfirmed, suspendedUntil, silencedUntil, deletionDueAt }: ListedPerson): string[] {
  const states = {
    unconfirmed: !isConfirmed,
    suspended: suspendedUntil,
    silenced: silencedUntil,
    closed: deletionDueAt,
  };
  return Object.entries(states).flatMap(([name, is]) => (is ? [name] : []));
}

/** Suspends a person, as a moderator would. `period` is a number of days, or `forever`. */
export async function suspend(
  { db, queue, ask }: Dependencies,
  email: string,
  period: string,
  reason: string,
): Promise<string> {
  const days = daysFrom(period);
  requireReason(reason);
  const account = await accountOf(db, email);
  const howLong = days === null ? 'permanently' : `for ${days} ${days === 1 ? 'day' : 'days'}`;
  await ask(`Suspend ${nameOf(account)} ${howLong}?`);
  await sanction({ db, queue }, OPERATOR, account.id, { kind: 'suspended', days, reason });
  return `${nameOf(account)} is suspended ${howLong} and logged out everywhere. We are emailing them the reason.`;
}

/** Deletes an account, as an Administrator would. */
export async function deletePerson(
  { db, queue, ask }: Dependencies,
  email: string,
  reason: string,
  { isAtOnce, keepsTexts }: { isAtOnce: boolean; keepsTexts: boolean },
): Promise<string> {
  requireReason(reason);
  const account = await accountOf(db, email);
  const when = isAtOnce ? 'at once' : `in ${GRACE_DAYS} days`;
  const texts = `${keepsTexts ? 'but not' : 'and'} their posts and comments`;
  await ask(`Delete ${nameOf(account)} ${when}, ${texts}?`);
  await deleteForReason({ db, queue }, OPERATOR, account.id, { keepsTexts, isAtOnce, reason });
  return isAtOnce
    ? `${nameOf(account)} is closed. A worker is deleting it.`
    : `${nameOf(account)} is closed and will be deleted ${when}. We are emailing them the reason and a link to keep it.`;
}

/** Logs a person out everywhere and revokes their API tokens. */
export async function endSessions({ db, ask }: Dependencies, email: string): Promise<string> {
  const account = await accountOf(db, email);
  await ask(`Log ${nameOf(account)} out everywhere, and revoke their API tokens?`);
  await endAccessManually(db, account.id);
  return `${nameOf(account)} is logged out everywhere, and their API tokens are revoked.`;
}

async function accountOf(db: Kysely<Schema>, email: string): Promise<Account> {
  return findAccount(db, (await findByAddress(db, email)).id);
}

function nameOf({ username, email }: Account): string {
  return `${username} (${email})`;
}

function daysFrom(period: string): number | null {
  if (period === 'forever') return null;
  const days = Number(period);
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS)
    throw new StartupError(2, `DAYS is "${period}"; it must be 1 to ${MAX_DAYS}, or "forever"`);
  return days;
}

function requireReason(reason: string): void {
  if (reason.trim() === '' || reason.length > MAX_REASON_LENGTH)
    throw new StartupError(2, `REASON must have 1 to ${MAX_REASON_LENGTH} characters`);
}
