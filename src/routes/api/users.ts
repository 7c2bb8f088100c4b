import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { findPerson } from '../../domain/people/find.ts';
import { listPostSources } from '../../domain/posts/list.ts';
import { listFollowedSources } from '../../domain/posts/list-followed.ts';
import { seesUnlisted } from '../../domain/posts/visibility.ts';
import { DomainError } from '../../errors.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { linkPages, PostPageQuery, pageRequest } from './pages.ts';
import { presentPost, presentUser } from './present.ts';
import { needs, refusals, WithId } from './requests.ts';
import { PostPage, paths, ref, User } from './resources.ts';

const tags = ['People'];

const users: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;

  const showing = {
    tags,
    operationId: 'getUser',
    summary: 'Get a user',
    params: WithId,
    response: { 200: ref(User, { description: 'The user.' }), ...refusals(404) },
  };
  app.get('/users/:id', { schema: showing }, async ({ params }) =>
    presentUser(await findPerson(db, params.id)),
  );

  const finding = {
    tags,
    operationId: 'getUserByUsername',
    summary: 'Find a user by username',
    description:
      'Case does not matter. Store the `url` instead of the username, which can change and then be taken by somebody else.',
    params: Type.Object({
      username: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_.]{0,63}$', examples: ['john'] }),
    }),
    response: { 200: ref(User, { description: 'The user.' }), ...refusals(404) },
  };
  app.get('/users/by-username/:username', { schema: finding }, async ({ params }) =>
    presentUser(await findPerson(db, params.username)),
  );

  const listing = {
    tags,
    operationId: 'listPostsOfUser',
    summary: 'List a user’s posts, newest first',
    params: WithId,
    querystring: PostPageQuery,
    response: { 200: ref(PostPage, { description: 'A page of posts.' }), ...refusals(400, 404) },
  };
  app.get('/users/:id/posts/', { schema: listing }, async ({ caller, params: { id }, query }, reply) => {
    const filter = { author: await findPerson(db, id), hasUnlisted: seesUnlisted(caller, id) };
    const page = await listPostSources(db, filter, pageRequest(query, config.postsPerPage));
    return { posts: page.items.map(presentPost), ...linkPages(reply, { path: paths.postsOf(id) }, page) };
  });

  const timeline = {
    ...listing,
    operationId: 'listTimeline',
    ...needs(),
    summary: 'List posts by the people you follow, newest first',
    description: 'Only your own timeline.',
  };
  app.get('/users/:id/timeline/', { schema: timeline }, async (request, reply) => {
    const caller = callerOf(request);
    const { id } = request.params;
    if (id !== caller.id) throw new DomainError('forbidden', 'You can only read your own timeline.');
    const page = await listFollowedSources(db, caller, pageRequest(request.query, config.postsPerPage));
    return { posts: page.items.map(presentPost), ...linkPages(reply, { path: paths.timelineOf(id) }, page) };
  });
};

export default users;
