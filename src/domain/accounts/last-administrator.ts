import type { Db } from '../../database/schema.ts';
import { DomainError } from '../../errors.ts';

/**
 * Checks that another Administrator remains. The lock keeps two Administrators from demoting each other concurrently.
 *
 * @throws DomainError `last-administrator`
 */
export async function requireAnotherAdministrator(trx: Db, id: number): Promise<void> {
  const administrators = await trx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'Administrator')
    .where('confirmed_at', 'is not', null)
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
