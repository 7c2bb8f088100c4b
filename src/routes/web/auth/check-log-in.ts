import type { FastifyRequest } from 'fastify';
import type { Candidate } from '../../../domain/accounts/find.ts';
import { untilWhen } from '../../../domain/moderation/sanction.ts';

/**
 * The last checks of every log-in, after someone has proven who they are: whether the account is open, and how often it was
 * logged in to.
 *
 * @returns why the log-in is refused; undefined if it is not
 * @throws TooManyRequests if no log-ins are left
 */
export async function checkLogIn(
  request: FastifyRequest,
  account: Pick<Candidate, 'id' | 'deletionDueAt' | 'suspendedUntil'>,
): Promise<string | undefined> {
  const { id, deletionDueAt, suspendedUntil } = account;
  if (suspendedUntil !== null)
    return `This account is suspended ${untilWhen(suspendedUntil)}. We have emailed the reason.`;
  if (deletionDueAt !== null) return 'This account will be deleted. To keep it, open the link in our email.';
  await request.server.rateLimits.consume('session', { account: id, address: request.ip });
}
