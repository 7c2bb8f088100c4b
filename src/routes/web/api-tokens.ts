import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { issueNamedToken } from '../../domain/api-tokens/issue.ts';
import { listTokens } from '../../domain/api-tokens/list.ts';
import { revokeToken, revokeUnnamedTokens } from '../../domain/api-tokens/revoke.ts';
import { DomainError } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireUser, requireVerified } from '../guards.ts';
import { idFrom, type WithId } from './params.ts';

/** Lifetimes of tokens, in days. */
const LIFETIMES = { '30': 30, '90': 90, '365': 365, never: null } as const;

const TokenForm = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  scope: Type.Enum(['read', 'write']),
  lifetime: Type.Enum(['30', '90', '365', 'never']),
});

const NEW_FORM: FormState = { values: { scope: 'read', lifetime: '90' }, errors: {} };

/** Where people create and revoke API tokens. */
export default async function apiTokens(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get('/', { onRequest: requireVerified }, (request, reply) => show(request, reply, { form: NEW_FORM }));

  // Responds with the page and not with a redirect, because the token is not stored and can only be shown here.
  app.post('/', { onRequest: requireVerified, config: { limit: 'token' } }, async (request, reply) => {
    const form = request.readForm(TokenForm);
    if (form.data === undefined) return show(request, reply.code(422), { form: form.state });
    const { name, scope, lifetime } = form.data;
    const userId = currentUser(request).id;
    const { hash: sessionHash } = sessionOf(request);
    try {
      const token = await issueNamedToken(db, {
        userId,
        sessionHash,
        name,
        scope,
        days: LIFETIMES[lifetime],
      });
      return show(request, reply.header('cache-control', 'no-store'), { form: NEW_FORM, token });
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'too-many-tokens') throw error;
      return show(request, reply.code(422), { form: form.refuse('name', error.message) });
    }
  });

  app.post<WithId>('/:id/revoke', async (request, reply) => {
    const isRevoked = await revokeToken(db, currentUser(request).id, idFrom(request.params.id));
    const session = sessionOf(request);
    if (isRevoked) await session.flash('The token has been revoked.');
    else await session.warn('There is no such token.');
    return reply.redirect('/api-tokens', 303);
  });

  app.post('/revoke-unnamed', async (request, reply) => {
    await revokeUnnamedTokens(db, currentUser(request).id);
    await sessionOf(request).flash('The tokens have been revoked.');
    return reply.redirect('/api-tokens', 303);
  });
}

async function show(
  request: FastifyRequest,
  reply: FastifyReply,
  { form, token }: { form: FormState; token?: string },
) {
  const tokens = await listTokens(request.server.db, currentUser(request).id);
  return reply.page('people/api-tokens', {
    title: 'API tokens',
    form,
    token,
    named: tokens.filter(({ name }) => name !== null),
    unnamed: tokens.filter(({ name }) => name === null),
  });
}
