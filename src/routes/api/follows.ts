import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { follow, unfollow } from '../../domain/follows/follow.ts';
import { listFollowed, listFollowers } from '../../domain/follows/list.ts';
import { findPerson } from '../../domain/people/find.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { presentFollow } from './present.ts';
import { needs, noContent, refusals, WithId } from './requests.ts';
import { FollowPage, paths, ref } from './resources.ts';

const tags = ['People'];

const listing = {
  tags,
  description: 'The cursors are not the ids of users, so follow `next`.',
  params: WithId,
  querystring: PageQuery,
  response: { 200: ref(FollowPage, { description: 'A page of people.' }), ...refusals(400, 404) },
};

const listingFollowers = {
  ...listing,
  operationId: 'listFollowers',
  summary: 'List who follows a user, newest first',
};

const listingFollowed = {
  ...listing,
  operationId: 'listFollowed',
  summary: 'List the people a user follows, newest first',
};

const following = {
  tags,
  operationId: 'followUser',
  ...needs('FOLLOW'),
  summary: 'Follow a user',
  description:
    'Following them again changes nothing. You cannot follow people if one of you has blocked the other.',
  params: WithId,
  response: noContent('You follow them.'),
};

const unfollowing = {
  tags,
  operationId: 'unfollowUser',
  ...needs('FOLLOW'),
  summary: 'Stop following a user',
  params: WithId,
  response: noContent('You do not follow them.'),
};

const follows: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;

  app.get('/users/:id/followers/', { schema: listingFollowers }, async ({ params, query }, reply) => {
    const { id, followerCount: total } = await findPerson(db, params.id);
    const page = await listFollowers(db, id, pageRequest(query, config.followersPerPage));
    const links = linkPages(reply, { path: paths.followersOf(id) }, { ...page, total });
    return { users: page.items.map(presentFollow), ...links };
  });

  app.get('/users/:id/followed/', { schema: listingFollowed }, async ({ params, query }, reply) => {
    const { id, followedCount: total } = await findPerson(db, params.id);
    const page = await listFollowed(db, id, pageRequest(query, config.followersPerPage));
    const links = linkPages(reply, { path: paths.followedBy(id) }, { ...page, total });
    return { users: page.items.map(presentFollow), ...links };
  });

  const rules = { onRequest: requirePermission(Permission.FOLLOW), config: { limit: 'follow' } } as const;

  app.put('/users/:id/follow', { schema: following, ...rules }, async (request, reply) => {
    const { id } = await findPerson(db, request.params.id);
    await follow(app, callerOf(request).id, id);
    return reply.code(204).send(null);
  });

  app.delete('/users/:id/follow', { schema: unfollowing, ...rules }, async (request, reply) => {
    await unfollow(db, callerOf(request).id, request.params.id);
    return reply.code(204).send(null);
  });
};

export default follows;
