import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { listPostSources } from '../../domain/posts/list.ts';
import { readTag, TAG_PATTERN } from '../../domain/tags/name.ts';
import { noSuch } from '../../errors.ts';
import { linkPages, PostPageQuery, pageRequest } from './pages.ts';
import { presentPost } from './present.ts';
import { refusals } from './requests.ts';
import { PostPage, paths, ref } from './resources.ts';

const listing = {
  tags: ['Posts'],
  operationId: 'listPostsWithTag',
  summary: 'List the posts with a tag, newest first',
  description:
    'Pages leave out posts by people you have muted or blocked, so they may be shorter. `count` is 10,000 at most.',
  params: Type.Object({ tag: Type.String({ pattern: TAG_PATTERN, description: 'With or without `#`.' }) }),
  querystring: PostPageQuery,
  response: { 200: ref(PostPage, { description: 'A page of posts.' }), ...refusals(400, 404) },
};

const tags: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;

  app.get('/tags/:tag/posts/', { schema: listing }, async ({ caller, params, query }, reply) => {
    const tag = readTag(params.tag);
    if (tag === undefined) throw noSuch('tag');
    const filter = { tag, readerId: caller?.id };
    const page = await listPostSources(db, filter, pageRequest(query, config.postsPerPage));
    return {
      posts: page.items.map(presentPost),
      ...linkPages(reply, { path: paths.postsWithTag(tag) }, page),
    };
  });
};

export default tags;
