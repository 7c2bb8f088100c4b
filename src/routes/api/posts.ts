import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { runOnce } from '../../domain/idempotency.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { findPostSource, listPostSources } from '../../domain/posts/list.ts';
import { deletePost, loadForChange, publishPost, updatePost } from '../../domain/posts/write.ts';
import { readTags } from '../../domain/tags/name.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { tagged, versionsIn, WithIfMatch } from './etag.ts';
import { linkPages, PostPageQuery, pageRequest } from './pages.ts';
import { presentPost } from './present.ts';
import { sendCreated, WithIdempotencyKey } from './repeatable.ts';
import { isUnlistedIn, needs, noContent, PostWriting, refusals, WithId } from './requests.ts';
import { Post, PostPage, paths, ref } from './resources.ts';

const tags = ['Posts'];

const listing = {
  tags,
  operationId: 'listPosts',
  summary: 'List all posts, newest first',
  description: 'Pages leave out posts by people you have muted or blocked, so they may be shorter.',
  querystring: PostPageQuery,
  response: { 200: ref(PostPage, { description: 'A page of posts.' }), ...refusals(400) },
};

const publishing = {
  tags,
  operationId: 'publishPost',
  ...needs('WRITE'),
  summary: 'Publish a post',
  headers: WithIdempotencyKey,
  body: PostWriting,
  response: {
    201: ref(Post, { description: 'The new post. Location has its path.' }),
    ...refusals(400, 413, 415, 422),
  },
};

const showing = {
  tags,
  operationId: 'getPost',
  summary: 'Get a post',
  params: WithId,
  response: { 200: ref(Post, { description: 'The post.' }), ...refusals(404) },
};

const editing = {
  tags,
  operationId: 'editPost',
  ...needs('WRITE'),
  summary: 'Update a post',
  description: 'Only for its author and Administrators.',
  params: WithId,
  headers: WithIfMatch,
  body: PostWriting,
  response: { 200: ref(Post, { description: 'The post.' }), ...refusals(400, 404, 412, 413, 415, 422) },
};

const deleting = {
  tags,
  operationId: 'deletePost',
  ...needs('WRITE'),
  summary: 'Delete a post and its comments',
  description: 'Only for its author and Administrators.',
  params: WithId,
  response: noContent('Deleted.'),
};

const posts: FastifyPluginAsyncTypebox = async (app) => {
  const { db, queue, config } = app;

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
      const { title, body, tags: typed = [] } = sent.body;
      const request = {
        userId,
        key: sent.headers['idempotency-key'],
        content: ['POST', paths.posts, JSON.stringify(sent.body)],
      };
      const addedTags = readTags(typed.join(' '));
      const text = await renderText(app, { kind: 'post', body, writerId: userId });
      const post = { ...text, title, addedTags, isUnlisted: isUnlistedIn(sent.body) };
      const created = await runOnce(db, request, async (trx) =>
        presentPost(await publishPost({ db: trx, queue }, userId, post)),
      );
      return sendCreated(reply, created);
    },
  );

  app.get('/posts/:id', { schema: showing, compress: false }, async ({ caller, params }, reply) => {
    const post = await findPostSource(db, params.id, can(caller, Permission.MODERATE));
    return tagged(reply, post.version, presentPost(post));
  });

  app.put(
    '/posts/:id',
    { schema: editing, compress: false, config: { limit: 'post' } },
    async (request, reply) => {
      const { title, body, tags: typed } = request.body;
      const addedTags = typed && readTags(typed.join(' '));
      const { id, authorId } = await loadForChange(db, callerOf(request), request.params.id);
      const draft = { kind: 'post', body, writerId: authorId, replaces: { postId: id } } as const;
      const isUnlisted = isUnlistedIn(request.body);
      const edited = { ...(await renderText(app, draft)), title, addedTags, isUnlisted };
      await updatePost(app, id, edited, versionsIn(request.headers['if-match']));
      const post = await findPostSource(db, id, true);
      return tagged(reply, post.version, presentPost(post));
    },
  );

  app.delete('/posts/:id', { schema: deleting }, async (request, reply) => {
    const { id } = await loadForChange(db, callerOf(request), request.params.id);
    await deletePost(db, id);
    return reply.code(204).send(null);
  });
};

export default posts;
