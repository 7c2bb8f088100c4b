import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';
import { IS_OPEN, SILENCED_UNTIL } from './standing.ts';

/**
 * Checks that another Administrator remains who can act: one whose account is not about to be deleted, and who was not
 * sanctioned before they got the role. The lock keeps two Administrators from demoting each other concurrently.
 *
 * @throws DomainError `last-administrator`
 */
export async function requireAnotherAdministrator(trx: Db, id: number): Promise<void> {
  const administrators = await trx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'Administrator')
    .where('confirmed_at', 'is not', null)
    .where(IS_OPEN)
    .where(SILENCED_UNTIL, 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute();
  if (administrators.length === 1 && administrators[0]?.id === id) {
    throw new DomainError(
      'last-administrator',
      'This is the only Administrator. Promote another account first.',
    );
  }
}
