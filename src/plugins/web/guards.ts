import type { FastifyReply, FastifyRequest } from 'fastify';
import { can } from '../../domain/accounts/roles.ts';
import type { SessionUser } from '../../domain/sessions/find.ts';
import { DomainError } from '../../errors.ts';
import { sessionOf } from './session.ts';

/** A hook for what an account that is not confirmed may do, too: sends a visitor to log in, and back afterwards. */
export async function requireSignedIn(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (sessionOf(request).user !== null) return;
  const next = request.method === 'GET' ? request.url : '/';
  return reply.redirect(`/auth/login?next=${encodeURIComponent(next)}`, 303);
}

/** A hook for scopes of signed-in pages: as `requireSignedIn`, and asks an account that is not confirmed yet to be. */
export async function requireUser(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (sessionOf(request).user?.isConfirmed) return;
  return sessionOf(request).user === null
    ? requireSignedIn(request, reply)
    : reply.redirect('/auth/unconfirmed', 303);
}

/**
 * A hook for pages whose forms could give the account away: asks for the password if it was not given a short while
 * ago, so that an open session alone is not enough. The form's page has the same path as what it sends.
 */
export async function requireVerified(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  if (sessionOf(request).isVerified) return;
  return reply.redirect(`/auth/verify?next=${encodeURIComponent(request.url)}`, 303);
}

/** Makes a hook for routes that only some roles may use. Stands in a scope of signed-in pages. */
export function requirePermission(permission: number) {
  return async (request: FastifyRequest): Promise<void> => {
    if (!can(sessionOf(request).user, permission)) throw notPermitted();
  };
}

/** What somebody is told who may not do a thing. */
export function notPermitted(): DomainError {
  return new DomainError('forbidden', 'You do not have permission to do this.');
}

/**
 * Who is signed in, where `requireUser` has made sure that somebody is.
 *
 * @throws DomainError when nobody is: the route stands in the wrong scope
 */
export function currentUser(request: FastifyRequest): SessionUser {
  const { user } = sessionOf(request);
  if (user === null) throw new DomainError('forbidden', 'Please log in first.');
  return user;
}
