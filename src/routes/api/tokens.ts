import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { issueToken, TOKEN_SECONDS } from '../../domain/api-tokens/issue.ts';
import { DomainError } from '../../errors.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { Text } from './fields.ts';
import { refusals } from './requests.ts';

const Token = Type.Object(
  {
    token: Text(
      'Only its hash is stored, so it cannot be shown again.',
      'q0ZkX3n8vYt1s5WbR7mJd2LcPfHg4TeAuKxVoNyIi6M',
    ),
    expiration: Type.Integer({ description: 'Seconds until it expires.', examples: [TOKEN_SECONDS] }),
  },
  { additionalProperties: false, description: 'The new token.' },
);

const tokens: FastifyPluginAsyncTypebox = async (app) => {
  const schema = {
    tags: ['Tokens'],
    operationId: 'issueToken',
    summary: 'Create a token that lasts one hour',
    description:
      'Requires email and password. A token cannot create another token. If an account has two-factor authentication, its owner can only create tokens on the site.',
    security: [{ basic: [] }],
    response: { 200: Token, ...refusals() },
  };

  app.post('/tokens/', { schema, config: { limit: 'token' } }, async (request, reply) => {
    const { id, passwordHash } = callerOf(request);
    if (passwordHash === null) throw new DomainError('unauthorized', 'Invalid credentials');
    reply.header('cache-control', 'no-store');
    return { token: await issueToken(app.db, { id, passwordHash }), expiration: TOKEN_SECONDS };
  });
};

export default tokens;
