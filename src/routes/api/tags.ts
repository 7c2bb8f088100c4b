import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { listPostSources } from '../../domain/posts/list.ts';
import { followTag, listFollowedTags, MAX_FOLLOWED_TAGS, unfollowTag } from '../../domain/tags/follow.ts';
import { readTag, TAG_PATTERN } from '../../domain/tags/name.ts';
import { noSuch } from '../../errors.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { linkPages, onlyPage, PostPageQuery, pageRequest } from './pages.ts';
import { presentFollowedTag, presentPost } from './present.ts';
import { needs, noContent, refusals } from './requests.ts';
import { PostPage, paths, ref, TagPage } from './resources.ts';

const TagParam = Type.Object({
  tag: Type.String({ pattern: TAG_PATTERN, description: 'With or without `#`.', examples: ['bread'] }),
});

const listing = {
  tags: ['Tags'],
  operationId: 'listPostsWithTag',
  summary: 'List the posts with a tag, newest first',
  description:
    'Pages leave out posts by people you have muted or blocked, so they may be shorter. `count` is 10,000 at most.',
  params: TagParam,
  querystring: PostPageQuery,
  response: { 200: ref(PostPage, { description: 'A page of posts.' }), ...refusals(400, 404) },
};

const listingFollowed = {
  tags: ['Tags'],
  operationId: 'listFollowedTags',
  ...needs(),
  summary: 'List the tags you follow, in alphabetical order',
  description: 'Nobody else can see this list.',
  response: { 200: ref(TagPage, { description: 'All tags on one page.' }), ...refusals() },
};

const following = {
  tags: ['Tags'],
  operationId: 'followTag',
  ...needs('FOLLOW'),
  summary: 'Follow a tag',
  description: `Adds its posts to your timeline. You can follow ${MAX_FOLLOWED_TAGS} tags.`,
  params: TagParam,
  response: noContent('You follow it.', 409),
};

const unfollowing = {
  tags: ['Tags'],
  operationId: 'unfollowTag',
  ...needs('FOLLOW'),
  summary: 'Stop following a tag',
  params: TagParam,
  response: noContent('You do not follow it.'),
};

const tags: FastifyPluginAsyncTypebox = async (app) => {
  const { db, config } = app;

  app.get('/tags/:tag/posts/', { schema: listing }, async ({ caller, params, query }, reply) => {
    const tag = tagIn(params);
    const filter = { tag, readerId: caller?.id };
    const page = await listPostSources(db, filter, pageRequest(query, config.postsPerPage));
    return {
      posts: page.items.map(presentPost),
      ...linkPages(reply, { path: paths.postsWithTag(tag) }, page),
    };
  });

  app.get('/followed-tags/', { schema: listingFollowed }, async (request) => {
    const followed = (await listFollowedTags(db, callerOf(request).id)).map(presentFollowedTag);
    return { tags: followed, ...onlyPage(followed) };
  });

  const rules = { onRequest: requirePermission(Permission.FOLLOW), config: { limit: 'follow' } } as const;

  app.put('/tags/:tag/follow', { schema: following, ...rules }, async (request, reply) => {
    await followTag(db, callerOf(request).id, tagIn(request.params));
    return reply.code(204).send(null);
  });

  app.delete('/tags/:tag/follow', { schema: unfollowing, ...rules }, async (request, reply) => {
    await unfollowTag(db, callerOf(request).id, tagIn(request.params));
    return reply.code(204).send(null);
  });
};

export default tags;

/** @throws DomainError `not-found` for what cannot be a tag */
function tagIn({ tag: written }: { readonly tag: string }): string {
  const tag = readTag(written);
  if (tag === undefined) throw noSuch('tag');
  return tag;
}
