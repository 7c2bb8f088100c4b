import type { FastifyInstance } from 'fastify';
import { Permission } from '../../domain/accounts/roles.ts';
import { listPosts } from '../../domain/posts/list.ts';
import { followsTag, followTag, listFollowedTags, unfollowTag } from '../../domain/tags/follow.ts';
import { pathOfTag } from '../../domain/tags/name.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { metaOfTag } from './meta.ts';
import { paginate } from './pagination.ts';
import { placeOfPostsFrom, queryOf, tagFrom, type WithTag, wholeQueryOf } from './params.ts';

/** The posts with a tag. */
export default async function tags(app: FastifyInstance): Promise<void> {
  const { config } = app;

  app.get<WithTag>('/tag/:tag', { config: { isShared: true } }, async (request, reply) => {
    const tag = tagFrom(request.params.tag);
    const path = pathOfTag(tag);
    if (tag !== request.params.tag) return reply.redirect(path + wholeQueryOf(request), 301);
    const { user } = sessionOf(request);
    const readDb = readDbFor(request);
    const place = placeOfPostsFrom(request.query);
    const filter = { tag, readerId: user?.id };
    const posts = await listPosts(readDb, filter, { ...place, size: config.postsPerPage });
    const isEmpty = posts.items.length + posts.muted === 0;
    return reply.page('tags/show', {
      title: `#${tag}${queryOf(place) === '' ? '' : ', more posts'}`,
      ...(!isEmpty && { meta: metaOfTag(tag, place, app.site.settings.name) }),
      tag,
      posts,
      isEmpty,
      isFollowed: user !== null && (await followsTag(readDb, user.id, tag)),
      pagination: paginate(posts, { path, place }),
    });
  });

  app.register(following);
}

/** Where people follow tags. Nobody else can see which. */
async function following(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get('/followed-tags', async (request, reply) => {
    const tags = await listFollowedTags(readDbFor(request), currentUser(request).id);
    return reply.page('tags/followed', { title: 'Tags you follow', tags });
  });

  for (const [verb, act, done] of [
    ['follow', followTag, 'You are now following'],
    ['unfollow', unfollowTag, 'You no longer follow'],
  ] as const) {
    const options = { onRequest: requirePermission(Permission.FOLLOW), config: { limit: 'follow' as const } };
    app.post<WithTag>(`/tag/:tag/${verb}`, options, async (request, reply) => {
      const tag = tagFrom(request.params.tag);
      await act(db, currentUser(request).id, tag);
      await sessionOf(request).flash(`${done} #${tag}.`);
      return reply.redirect(pathOfTag(tag), 303);
    });
  }
}
