import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { bookmark, removeBookmark } from '../../domain/bookmarks/bookmark.ts';
import { listBookmarkSources } from '../../domain/bookmarks/list.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { presentPost } from './present.ts';
import { needs, noContent, refusals, WithId } from './requests.ts';
import { PostPage, paths, ref } from './resources.ts';

const tags = ['Posts'];

const listing = {
  tags,
  operationId: 'listBookmarks',
  ...needs(),
  summary: 'List your bookmarks, newest first',
  description: 'Nobody else can see them. The cursors are not the ids of posts, so follow `next`.',
  querystring: PageQuery,
  response: { 200: ref(PostPage, { description: 'A page of posts.' }), ...refusals(400) },
};

const keeping = {
  tags,
  operationId: 'bookmarkPost',
  ...needs(),
  summary: 'Bookmark a post',
  params: WithId,
  response: noContent('The post is bookmarked.'),
};

const removing = {
  tags,
  operationId: 'removeBookmark',
  ...needs(),
  summary: 'Remove a bookmark',
  params: WithId,
  response: noContent('The post is not bookmarked.'),
};

const bookmarks: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;
  const limited = { config: { limit: 'like' } } as const;

  app.get('/bookmarks/', { schema: listing }, async (request, reply) => {
    const { id } = callerOf(request);
    const page = await listBookmarkSources(db, id, pageRequest(request.query, config.postsPerPage));
    return { posts: page.items.map(presentPost), ...linkPages(reply, { path: paths.bookmarks }, page) };
  });

  app.put('/posts/:id/bookmark', { schema: keeping, ...limited }, async (request, reply) => {
    await bookmark(db, { userId: callerOf(request).id, postId: request.params.id });
    return reply.code(204).send(null);
  });

  app.delete('/posts/:id/bookmark', { schema: removing, ...limited }, async (request, reply) => {
    await removeBookmark(db, { userId: callerOf(request).id, postId: request.params.id });
    return reply.code(204).send(null);
  });
};

export default bookmarks;
