import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { Compile } from 'typebox/schema';
import { completeNames } from '../../domain/people/complete.ts';
import { findPerson } from '../../domain/people/find.ts';
import { DomainError } from '../../errors.ts';
import { currentUser, readDbFor } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { idFrom, type WithId } from './params.ts';

const CompletionQuery = Type.Object({
  q: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_.]{0,63}$' }),
  post: Type.Optional(Type.String()),
});
const validator = Compile(CompletionQuery);

/** Redirects mentions to profiles, and completes usernames while they are typed. */
export default async function mentions(app: FastifyInstance): Promise<void> {
  // A temporary redirect, because the person may change their name again.
  app.get<WithId>('/user/by-id/:id', async (request, reply) => {
    const { username } = await findPerson(readDbFor(request), idFrom(request.params.id));
    return reply.redirect(`/user/${username}`, 302);
  });

  const completing = { onRequest: requireUser, config: { limit: 'complete' as const } };
  app.get('/people/complete', completing, async (request, reply) => {
    const { query } = request;
    if (!validator.Check(query)) throw new DomainError('not-found', 'No username begins like this.');
    const postId = query.post === undefined ? undefined : idFrom(query.post);
    const people = await completeNames(app.db, query.q, { readerId: currentUser(request).id, postId });
    return reply.header('cache-control', 'private, no-store').send({ people });
  });
}
