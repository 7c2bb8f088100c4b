import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { once } from '../../domain/idempotency.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { findPostSource, listPostSources, type PostSource } from '../../domain/posts/list.ts';
import { deletePost, loadForChange, publishPost, updatePost } from '../../domain/posts/write.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { refusals, versionsIn, WithId, WithIdempotencyKey, WithIfMatch, writing } from './requests.ts';
import { Post, PostPage, paths, presentPost, ref } from './resources.ts';

const tags = ['Posts'];

const listing = {
  tags,
  operationId: 'listPosts',
  summary: 'List all posts, newest first',
  description: 'Pages leave out posts by people you have muted or blocked, so they may be shorter.',
  querystring: PageQuery,
  response: { 200: ref(PostPage, { description: 'A page of posts.' }), ...refusals(400) },
};

const publishing = {
  tags,
  operationId: 'publishPost',
  summary: 'Publish a post',
  headers: WithIdempotencyKey,
  body: writing('post'),
  response: {
    201: ref(Post, { description: 'The new post. Location has its path.' }),
    ...refusals(400, 413, 415, 422),
  },
};

const showing = {
  tags,
  operationId: 'getPost',
  summary: 'One post',
  params: WithId,
  response: { 200: ref(Post, { description: 'The post.' }), ...refusals(404) },
};

const editing = {
  tags,
  operationId: 'editPost',
  summary: 'Update a post',
  description: 'Only for its author and Administrators.',
  params: WithId,
  headers: WithIfMatch,
  body: writing('post'),
  response: { 200: ref(Post, { description: 'The post.' }), ...refusals(400, 404, 412, 413, 415, 422) },
};

const deleting = {
  tags,
  operationId: 'deletePost',
  summary: 'Delete a post and its comments',
  description: 'Only for its author and Administrators.',
  params: WithId,
  response: { 204: Type.Null({ description: 'Deleted.' }), ...refusals(404) },
};

const posts: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;

  app.get('/posts/', { schema: listing }, async ({ caller, query }, reply) => {
    const filter = { readerId: caller?.id };
    const page = await listPostSources(db, filter, pageRequest(query, config.postsPerPage));
    return { posts: page.items.map(presentPost), ...linkPages(reply, { path: paths.posts }, page) };
  });

  app.post(
    '/posts/',
    { schema: publishing, onRequest: requirePermission(Permission.WRITE), config: { limit: 'post' } },
    async (sent, reply) => {
      const { id: userId } = callerOf(sent);
      const { body } = sent.body;
      const request = {
        userId,
        key: sent.headers['idempotency-key'],
        content: ['POST', paths.posts, body],
      };
      const text = await renderText(app, { kind: 'post', body, writerId: userId });
      const { answer, isRepetition } = await once(db, request, Post, async (trx) =>
        presentPost(await publishPost(trx, userId, text)),
      );
      if (isRepetition) reply.header('idempotency-replayed', 'true');
      return reply.code(201).header('location', answer.url).send(answer);
    },
  );

  app.get('/posts/:id', { schema: showing, compress: false }, async ({ caller, params }, reply) => {
    const post = await findPostSource(db, params.id, can(caller, Permission.MODERATE));
    reply.header('etag', etagOf(post));
    return presentPost(post);
  });

  app.put(
    '/posts/:id',
    { schema: editing, compress: false, config: { limit: 'post' } },
    async (request, reply) => {
      const { headers, body } = request;
      const { id, authorId } = await loadForChange(db, callerOf(request), request.params.id);
      const draft = { ...body, kind: 'post', writerId: authorId, replaces: { postId: id } } as const;
      await updatePost(db, id, await renderText(app, draft), versionsIn(headers['if-match']));
      const post = await findPostSource(db, id, true);
      reply.header('etag', etagOf(post));
      return presentPost(post);
    },
  );

  app.delete('/posts/:id', { schema: deleting }, async (request, reply) => {
    const { id } = await loadForChange(db, callerOf(request), request.params.id);
    await deletePost(db, id);
    return reply.code(204).send(null);
  });
};

export default posts;

/**
 * Made of everything in a post that can change: its text, by version, and the number of its comments. A strong tag
 * identifies exact bytes, so these responses are not compressed.
 */
function etagOf({ version, commentCount }: Pick<PostSource, 'version' | 'commentCount'>): string {
  return `"${version}.${commentCount}"`;
}
