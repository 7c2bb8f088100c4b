import { hash } from 'node:crypto';
import { parse as parseBasic } from 'basic-auth';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { authenticate } from '../../domain/accounts/authenticate.ts';
import { isEmail } from '../../domain/accounts/email.ts';
import { findCandidates } from '../../domain/accounts/find.ts';
import { type ApiClient, identifyByAccount, identifyByToken } from '../../domain/api-tokens/identify.ts';
import { DomainError } from '../../errors.ts';
import { READING_METHODS } from '../../http/methods.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The authenticated account; null for a visitor. Only API requests have one. */
    caller: ApiClient | null;
  }
}

/**
 * Sets `request.caller` from a token (RFC 6750, or as the user name of RFC 7617), or from an email address and a password. A token
 * costs one query and no hashing. Visitors may read if the site's settings allow it.
 */
export default fp(
  async (app) => {
    const findByPassword = shareInFlight(app);
    app.decorateRequest('caller', null);
    app.addHook('onRequest', async function requireCaller(request) {
      if (isVisitor(request) && app.site.settings.api === 'everyone') return;
      const credentials = readCredentials(request);
      const caller =
        credentials === undefined || 'token' in credentials
          ? credentials && (await identifyByToken(app.db, credentials.token))
          : await findByPassword(credentials, request.ip);
      if (caller === undefined) throw new DomainError('unauthorized', 'Invalid credentials');
      if (!caller.isConfirmed) throw new DomainError('unconfirmed', 'Unconfirmed account');
      if (caller.scope === 'read' && !READING_METHODS.has(request.method)) {
        throw new DomainError('forbidden', 'This token is read only.');
      }
      request.caller = caller;
    });
  },
  { name: 'api-authentication', dependencies: ['db', 'site', 'passwords', 'rate-limits', 'security-events'] },
);

/**
 * The authenticated account.
 *
 * @throws DomainError `unauthorized` for a visitor
 */
export function callerOf({ caller }: FastifyRequest): ApiClient {
  if (caller === null) throw new DomainError('unauthorized', 'Invalid credentials');
  return caller;
}

/** Whether a request only reads and has no credentials. */
function isVisitor({ method, headers }: FastifyRequest): boolean {
  return headers.authorization === undefined && READING_METHODS.has(method);
}

interface Password {
  readonly email: string;
  readonly password: string;
}

/** Reads the Authorization header. Undefined if it is missing or not supported. */
function readCredentials({ headers }: FastifyRequest): { token: string } | Password | undefined {
  const { authorization = '' } = headers;
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (token !== undefined) return { token };
  const basic = parseBasic(authorization);
  // RFC 7617 forbids control characters, and PostgreSQL cannot store NUL.
  if (basic === undefined || basic.name === '' || /\p{Cc}/u.test(basic.name + basic.pass)) return undefined;
  if (basic.pass === '') return { token: basic.name };
  return isEmail(basic.name) ? { email: basic.name, password: basic.pass } : undefined;
}

/**
 * Concurrent requests with the same password share one check, so ten requests of a program at once cost one hash and count as
 * one attempt.
 */
function shareInFlight(app: FastifyInstance) {
  const inFlight = new Map<string, Promise<ApiClient | undefined>>();
  return (credentials: Password, address: string): Promise<ApiClient | undefined> => {
    const key = hash('sha256', JSON.stringify([address, credentials.email, credentials.password]));
    const found = inFlight.get(key) ?? findByPassword(app, credentials, address);
    inFlight.set(key, found);
    return found.finally(() => inFlight.delete(key));
  };
}

async function findByPassword(
  { db, passwords, rateLimits, recordFailedLogIn }: FastifyInstance,
  { email, password }: Password,
  address: string,
): Promise<ApiClient | undefined> {
  const actor = { account: email, address };
  await rateLimits.consume('login', actor);
  const account = await authenticate(passwords, await findCandidates(db, email), password);
  if (account === undefined) {
    recordFailedLogIn(email);
    return undefined;
  }
  // Otherwise the password of an unconfirmed account would reset the count of attempts on the address owner's account.
  if (account.isConfirmed) await rateLimits.forgive('login', actor);
  if (account.hasTwoFactor) {
    throw new DomainError(
      'two-factor-required',
      'This account has two-factor authentication. Create an API token on the site, and send it instead of the password.',
    );
  }
  return identifyByAccount(db, account);
}
