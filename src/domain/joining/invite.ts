import { type Kysely, sql, type Transaction } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { IS_OPEN, SILENCED_UNTIL } from '../accounts/standing.ts';
import { rowCount } from '../page.ts';
import { recordEvent } from '../security-events/record.ts';
import { expiry } from '../sessions/lifetime.ts';
import { hashToken, mintToken } from '../token.ts';

/** The most people that one link can invite. */
export const MAX_USES = 100;

const DAY = 24 * 60 * 60;

/** The most invitations on the page for Administrators. */
const MAX_LISTED = 100;

/** Whether an inviter is still an active Administrator. Otherwise their invitations are suspended. */
const MAY_INVITE = sql<boolean>`(
  inviter.role = 'Administrator' and inviter.confirmed_at is not null and ${IS_OPEN} and ${SILENCED_UNTIL} is null
)`;

/** An invitation as Administrators see it. */
export interface Invitation {
  readonly id: number;
  readonly inviter: string;
  readonly maxUses: number;
  readonly expiresAt: Date;
  /** `suspended` while its inviter is not an active Administrator. */
  readonly state: 'open' | 'suspended' | 'used up' | 'expired' | 'revoked';
  /** The usernames of those who registered with it. */
  readonly invited: readonly string[];
}

/**
 * Makes an invitation. Only its token's hash is stored.
 *
 * @returns its token, for `/auth/register/TOKEN`
 */
export async function invite(
  db: Kysely<Schema>,
  inviterId: number,
  { maxUses, days }: { maxUses: number; days: number },
): Promise<string> {
  const { token, hash } = mintToken();
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('invitations')
      .values({ token_hash: hash, inviter_id: inviterId, max_uses: maxUses, expires_at: expiry(days * DAY) })
      .execute();
    await recordEvent(trx, { kind: 'invitation-made', userId: inviterId });
  });
  return token;
}

/** Revokes an invitation. Returns false if there is none, or it was revoked before. */
export async function revokeInvitation(db: Kysely<Schema>, id: number): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const revoked = await trx
      .updateTable('invitations')
      .set({ revoked_at: sql`now()` })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .returning('inviter_id as inviterId')
      .executeTakeFirst();
    if (revoked === undefined) return false;
    await recordEvent(trx, { kind: 'invitation-revoked', userId: revoked.inviterId });
    return true;
  });
}

/** Lists the newest invitations, with the people who registered with them. */
export async function listInvitations(db: Db): Promise<readonly Invitation[]> {
  const { rows } = await sql<Invitation>`
    select invitations.id, inviter.username as inviter, max_uses as "maxUses", expires_at as "expiresAt", invited,
      case when revoked_at is not null then 'revoked' when expires_at <= now() then 'expired'
        when cardinality(invited) >= max_uses then 'used up' when ${MAY_INVITE} then 'open' else 'suspended' end as state
    from invitations join users as inviter on inviter.id = inviter_id,
      lateral (
        select array(
          select username from invited_people join users on users.id = user_id
          where invitation_id = invitations.id order by user_id
        ) as invited
      ) as people
    order by invitations.id desc limit ${sql.lit(MAX_LISTED)}
  `.execute(db);
  return rows;
}

/** Whether somebody can register with an invitation. */
export async function isInvitationOpen(db: Db, token: string): Promise<boolean> {
  const invitation = await selectValid(db, token).executeTakeFirst();
  return invitation !== undefined && (await countInvited(db, invitation.id)) < invitation.maxUses;
}

/**
 * Takes one of an invitation's seats. Others wait until the transaction ends, so the last seat is not taken twice.
 *
 * @throws DomainError `not-found` if the invitation is invalid, expired, revoked, suspended or used up
 */
export async function takeSeat(trx: Transaction<Schema>, token: string, userId: number): Promise<void> {
  const invitation = await selectValid(trx, token).forUpdate('invitations').executeTakeFirst();
  if (invitation === undefined || (await countInvited(trx, invitation.id)) >= invitation.maxUses) {
    throw new DomainError('not-found', 'That link is invalid or has expired.');
  }
  await trx.insertInto('invited_people').values({ user_id: userId, invitation_id: invitation.id }).execute();
}

function selectValid(db: Db, token: string) {
  return db
    .selectFrom('invitations')
    .innerJoin('users as inviter', 'inviter.id', 'inviter_id')
    .select(['invitations.id', 'max_uses as maxUses'])
    .where('token_hash', '=', hashToken(token))
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', sql<Date>`now()`)
    .where(MAY_INVITE);
}

async function countInvited(db: Db, invitationId: number): Promise<number> {
  const { count } = await db
    .selectFrom('invited_people')
    .select(rowCount.as('count'))
    .where('invitation_id', '=', invitationId)
    .executeTakeFirstOrThrow();
  return count;
}
