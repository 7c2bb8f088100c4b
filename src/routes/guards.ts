import type { FastifyReply, FastifyRequest } from 'fastify';
import { can, PERMISSION_NAMES, Permission } from '../domain/accounts/roles.ts';
import { untilWhen } from '../domain/moderation/sanction.ts';
import { DomainError } from '../errors.ts';
import { sessionOf } from '../plugins/web/session.ts';

/** Encoding can triple its length, and proxies refuse responses with long headers. */
const MAX_NEXT = 1_000;

function withNext(path: string, next: string): string {
  return next.length > MAX_NEXT ? path : `${path}?next=${encodeURIComponent(next)}`;
}

/** A hook that sends visitors to the log-in page, which returns them afterwards. Lets unconfirmed accounts pass. */
export async function requireSignedIn(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (sessionOf(request).user !== null) return;
  const next = request.method === 'GET' ? request.url : '/';
  return reply.redirect(withNext('/auth/login', next), 303);
}

/** Like `requireSignedIn`, but sends unconfirmed accounts to confirm. */
export async function requireUser(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (sessionOf(request).user?.isConfirmed) return;
  return sessionOf(request).user === null
    ? requireSignedIn(request, reply)
    : reply.redirect('/auth/unconfirmed', 303);
}

/**
 * A hook for sensitive pages, for which a session alone is not enough: asks for the password unless it was given in the last
 * ten minutes. A form must have the same path as its page.
 */
export async function requireVerified(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (sessionOf(request).isVerified) return;
  return reply.redirect(withNext('/auth/verify', request.url), 303);
}

/** Makes a hook, named after the permission that it requires, for the API and for scopes of signed-in pages. */
export function requirePermission(permission: number) {
  const name = PERMISSION_NAMES.find((known) => Permission[known] === permission);
  const hook = async (request: FastifyRequest): Promise<void> => {
    const user = request.caller ?? sessionOf(request).user;
    if (can(user, permission)) return;
    const silencedUntil = user?.silencedUntil ?? null;
    if (silencedUntil !== null)
      throw new DomainError(
        'forbidden',
        `A moderator has stopped you from writing ${untilWhen(silencedUntil)}.`,
      );
    throw new DomainError('forbidden', 'You do not have permission to do this.');
  };
  return Object.defineProperty(hook, 'name', { value: `requirePermission ${name}` });
}
