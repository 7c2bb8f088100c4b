import type { FastifyRequest } from 'fastify';
import { verifyPassword } from '../../../domain/accounts/authenticate.ts';
import type { Credentials } from '../../../domain/accounts/find.ts';
import { currentUser } from '../../../plugins/web/session.ts';

/**
 * Verifies the password of the signed-in user, and counts the attempt.
 *
 * @returns undefined if the password is wrong
 * @throws TooManyRequests if no attempts are left
 */
export async function attemptPassword(
  request: FastifyRequest,
  password: string,
): Promise<Credentials | undefined> {
  const { db, passwords, rateLimits } = request.server;
  const { id } = currentUser(request);
  const actor = { account: id, address: request.ip };
  await rateLimits.consume('login', actor);
  const account = await verifyPassword({ db, passwords }, id, password);
  if (account !== undefined) await rateLimits.forgive('login', actor);
  return account;
}
