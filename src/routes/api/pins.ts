import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { pinPost, unpinPost } from '../../domain/posts/pin.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { needs, noContent, WithId } from './requests.ts';

const tags = ['Posts'];

const pinning = {
  tags,
  operationId: 'pinPost',
  ...needs('WRITE'),
  summary: 'Pin one of your posts',
  description: 'It is shown at the top of your profile, in place of any other.',
  params: WithId,
  response: noContent('The post is pinned.'),
};

const unpinning = {
  tags,
  operationId: 'unpinPost',
  ...needs('WRITE'),
  summary: 'Unpin a post',
  params: WithId,
  response: noContent('The post is not pinned.'),
};

const pins: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;
  const rules = { onRequest: requirePermission(Permission.WRITE), config: { limit: 'profile' } } as const;

  app.put('/posts/:id/pin', { schema: pinning, ...rules }, async (request, reply) => {
    await pinPost(db, callerOf(request).id, request.params.id);
    return reply.code(204).send(null);
  });

  app.delete('/posts/:id/pin', { schema: unpinning, ...rules }, async (request, reply) => {
    await unpinPost(db, callerOf(request).id, request.params.id);
    return reply.code(204).send(null);
  });
};

export default pins;
