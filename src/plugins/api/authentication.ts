import { createHash } from 'node:crypto';
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
    /** Who a program acts for. Only requests of the API have one. */
    caller: ApiClient;
  }
}

/**
 * `request.caller`, by a token (RFC 6750, or in the user name of RFC 7617) or by email and password. A token costs one
 * query and no hashing.
 */
export default fp(
  async (app) => {
    const findByPassword = shareWhileUnderWay(app);
    app.decorateRequest('caller');
    app.addHook('onRequest', async (request) => {
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
  { name: 'api-authentication', dependencies: ['db', 'passwords', 'rate-limits', 'security-events'] },
);

interface Password {
  readonly email: string;
  readonly password: string;
}

/** What the request's Authorization says, or undefined when that is nothing we know. */
function readCredentials({ headers }: FastifyRequest): { token: string } | Password | undefined {
  const { authorization = '' } = headers;
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
  if (token !== undefined) return { token };
  const basic = parseBasic(authorization);
  // RFC 7617 has no control characters in either, and PostgreSQL no NUL.
  if (basic === undefined || basic.name === '' || /\p{Cc}/u.test(basic.name + basic.pass)) return undefined;
  if (basic.pass === '') return { token: basic.name };
  return isEmail(basic.name) ? { email: basic.name, password: basic.pass } : undefined;
}

/**
 * Checks passwords, each once while it is under way: a program that sends ten requests at a time with its password
 * costs one hash, and is not taken for somebody who guesses.
 */
function shareWhileUnderWay(app: FastifyInstance) {
  const underWay = new Map<string, Promise<ApiClient | undefined>>();
  return (credentials: Password, address: string): Promise<ApiClient | undefined> => {
    const key = createHash('sha256')
      .update(JSON.stringify([address, credentials.email, credentials.password]))
      .digest('base64');
    const found = underWay.get(key) ?? findByPassword(app, credentials, address);
    underWay.set(key, found);
    return found.finally(() => underWay.delete(key));
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
  // As on the page: the password of an unconfirmed account buys no tries at the owner's.
  if (account.isConfirmed) await rateLimits.forgive('login', actor);
  return identifyByAccount(db, account);
}
