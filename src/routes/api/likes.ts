import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { like, unlike } from '../../domain/likes/like.ts';
import { listLikers } from '../../domain/likes/list.ts';
import { findPostSource } from '../../domain/posts/list.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { presentListedUser } from './present.ts';
import { needs, noContent, refusals, WithId } from './requests.ts';
import { LikerPage, paths, ref } from './resources.ts';

const tags = ['Posts'];

const liking = {
  tags,
  operationId: 'likePost',
  ...needs('COMMENT'),
  summary: 'Like a post',
  description:
    'Liking it again changes nothing. You cannot like your own posts or those of people who have blocked you.',
  params: WithId,
  response: noContent('The post has your like.'),
};

const unliking = {
  tags,
  operationId: 'unlikePost',
  ...needs('COMMENT'),
  summary: 'Remove your like from a post',
  params: WithId,
  response: noContent('The post does not have your like.'),
};

const listing = {
  tags,
  operationId: 'listLikes',
  summary: 'List who likes a post, newest first',
  description:
    'Pages leave out people you have muted or blocked, so they may be shorter. `count` is 100 at most. The cursors are not the ids of users, so follow `next`.',
  params: WithId,
  querystring: PageQuery,
  response: { 200: ref(LikerPage, { description: 'A page of people.' }), ...refusals(400, 404) },
};

const likes: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;
  const rules = { onRequest: requirePermission(Permission.COMMENT), config: { limit: 'like' } } as const;

  app.get('/posts/:id/likes/', { schema: listing }, async ({ caller, params, query }, reply) => {
    const { id: postId, likeCount: total } = await findPostSource(db, params.id, false);
    const page = await listLikers(
      db,
      { postId, readerId: caller?.id },
      pageRequest(query, config.followersPerPage),
    );
    const links = linkPages(reply, { path: paths.likesOf(postId) }, { ...page, total });
    return { users: page.items.map(presentListedUser), ...links };
  });

  app.put('/posts/:id/like', { schema: liking, ...rules }, async (request, reply) => {
    await like(app, { userId: callerOf(request).id, postId: request.params.id });
    return reply.code(204).send(null);
  });

  app.delete('/posts/:id/like', { schema: unliking, ...rules }, async (request, reply) => {
    await unlike(db, { userId: callerOf(request).id, postId: request.params.id });
    return reply.code(204).send(null);
  });
};

export default likes;
