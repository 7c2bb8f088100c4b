import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { issueToken, TOKEN_SECONDS } from '../../domain/api-tokens/issue.ts';
import { DomainError } from '../../errors.ts';
import { refusals } from './requests.ts';

const Token = Type.Object(
  {
    token: Type.String({ description: 'Kept by you alone: only a hash of it is stored.' }),
    expiration: Type.Integer({ description: 'Seconds until it is worth nothing.' }),
  },
  { additionalProperties: false, description: 'The new token.' },
);

const tokens: FastifyPluginAsyncTypebox = async (app) => {
  const schema = {
    tags: ['Tokens'],
    operationId: 'issueToken',
    summary: 'Get a token for an hour',
    description: 'With email and password only: a token does not lead to another.',
    security: [{ basic: [] }],
    response: { 200: Token, ...refusals() },
  };

  app.post('/tokens/', { schema, config: { limit: 'token' } }, async ({ caller }, reply) => {
    const { id, passwordHash } = caller;
    if (passwordHash === null) throw new DomainError('unauthorized', 'Invalid credentials');
    reply.header('cache-control', 'no-store');
    return { token: await issueToken(app.db, { id, passwordHash }), expiration: TOKEN_SECONDS };
  });
};

export default tokens;
