import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { findPerson } from '../../domain/people/find.ts';
import { listPostSources } from '../../domain/posts/list.ts';
import { listFollowedSources } from '../../domain/posts/list-followed.ts';
import { DomainError } from '../../errors.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { refusals, WithId } from './requests.ts';
import { PostPage, paths, presentPost, presentUser, ref, User } from './resources.ts';

const tags = ['People'];

const users: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;

  const showing = {
    tags,
    operationId: 'getUser',
    summary: 'One person',
    params: WithId,
    response: { 200: ref(User, { description: 'The person.' }), ...refusals(404) },
  };
  app.get('/users/:id', { schema: showing }, async ({ params }) =>
    presentUser(await findPerson(db, params.id)),
  );

  const listing = {
    tags,
    operationId: 'listPostsOfUser',
    summary: 'The posts of one person, the newest first',
    params: WithId,
    querystring: PageQuery,
    response: { 200: ref(PostPage, { description: 'A page of posts.' }), ...refusals(400, 404) },
  };
  app.get('/users/:id/posts/', { schema: listing }, async ({ params: { id }, query }, reply) => {
    const author = await findPerson(db, id);
    const page = await listPostSources(db, { author }, pageRequest(query, config.postsPerPage));
    return { posts: page.items.map(presentPost), ...linkPages(reply, { path: paths.postsOf(id) }, page) };
  });

  const timeline = {
    ...listing,
    operationId: 'listTimeline',
    summary: 'The posts of the people you follow, the newest first',
    description: 'For yourself only.',
  };
  app.get('/users/:id/timeline/', { schema: timeline }, async ({ caller, params: { id }, query }, reply) => {
    if (id !== caller.id) throw new DomainError('forbidden', 'A timeline is for its owner.');
    const page = await listFollowedSources(db, caller, pageRequest(query, config.postsPerPage));
    return { posts: page.items.map(presentPost), ...linkPages(reply, { path: paths.timelineOf(id) }, page) };
  });
};

export default users;
