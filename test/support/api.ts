import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type { TokenScope } from '../../src/database/account-tables.ts';
import { issueNamedToken, issueToken } from '../../src/domain/api-tokens/issue.ts';
import { startSession } from '../../src/domain/sessions/start.ts';
import { hashToken } from '../../src/domain/token.ts';
import type { TestUser } from './factories.ts';

/** The Authorization header of HTTP Basic. */
export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** Creates a named token. */
export async function issueTestToken(
  { db }: FastifyInstance,
  { id: userId }: TestUser,
  token: { name: string; scope: TokenScope },
): Promise<string> {
  const sessionHash = hashToken(
    await startSession(db, { userId, isRemembered: false, isSecondFactorProven: true }),
  );
  return issueNamedToken(db, { userId, sessionHash, days: null, ...token });
}

/** An API client, with a token by default. Its paths are relative to `/api/v1`. */
export class ApiProgram {
  readonly #app: FastifyInstance;
  readonly #authorization: string | undefined;

  constructor(app: FastifyInstance, authorization?: string) {
    this.#app = app;
    this.#authorization = authorization;
  }

  /** Creates a client with a token of a user. */
  static async of(app: FastifyInstance, user: TestUser, scope: TokenScope = 'write'): Promise<ApiProgram> {
    const token =
      scope === 'write'
        ? await issueToken(app.db, user)
        : await issueTestToken(app, user, { name: 'reader', scope });
    return new ApiProgram(app, `Bearer ${token}`);
  }

  /** The same client for another process. */
  at(app: FastifyInstance): ApiProgram {
    return new ApiProgram(app, this.#authorization);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
    return this.send({ method: 'GET', url: path, headers });
  }

  post(
    path: string,
    payload?: object,
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    return this.send({ method: 'POST', url: path, headers, ...(payload && { payload }) });
  }

  put(path: string, payload?: object, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> {
    return this.send({ method: 'PUT', url: path, headers, ...(payload && { payload }) });
  }

  delete(path: string): Promise<LightMyRequestResponse> {
    return this.send({ method: 'DELETE', url: path });
  }

  /** @param request its `url` may also be a full path, as in responses */
  send(request: InjectOptions & { url: string }): Promise<LightMyRequestResponse> {
    const url = request.url.startsWith('/api/') ? request.url : `/api/v1${request.url}`;
    const authorization = this.#authorization && { authorization: this.#authorization };
    return this.#app.inject({ ...request, url, headers: { ...authorization, ...request.headers } });
  }
}
