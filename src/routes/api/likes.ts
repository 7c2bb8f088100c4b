import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { like, unlike } from '../../domain/likes/like.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { refusals, WithId } from './requests.ts';

const tags = ['Posts'];

const liking = {
  tags,
  operationId: 'likePost',
  summary: 'Like a post',
  description:
    'Liking it again changes nothing. You cannot like your own posts or those of people who have blocked you.',
  params: WithId,
  response: { 204: Type.Null({ description: 'The post has your like.' }), ...refusals(404) },
};

const unliking = {
  tags,
  operationId: 'unlikePost',
  summary: 'Remove your like from a post',
  params: WithId,
  response: { 204: Type.Null({ description: 'The post does not have your like.' }), ...refusals(404) },
};

const likes: FastifyPluginAsyncTypebox = async (app) => {
  const rules = { onRequest: requirePermission(Permission.COMMENT), config: { limit: 'like' } } as const;

  app.put('/posts/:id/like', { schema: liking, ...rules }, async (request, reply) => {
    await like(app, { userId: callerOf(request).id, postId: request.params.id });
    return reply.code(204).send(null);
  });

  app.delete('/posts/:id/like', { schema: unliking, ...rules }, async (request, reply) => {
    await unlike(app, { userId: callerOf(request).id, postId: request.params.id });
    return reply.code(204).send(null);
  });
};

export default likes;
