import type { FastifyInstance, FastifyRequest } from 'fastify';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { findPostSource, type PostSource } from '../../domain/posts/list.ts';
import {
  deleteVersion,
  findVersion,
  listVersions,
  mayDeleteVersions,
  sourceOf,
} from '../../domain/posts/versions.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { idFrom, type WithId } from './params.ts';
import { whyFrom } from './why.ts';

interface WithVersion {
  Params: { id: string; version: string };
}

/**
 * Where readers see earlier versions of posts. Not below a post's own address, where `/post/ID/history` is a post with the title
 * “History”.
 */
export default async function history(app: FastifyInstance): Promise<void> {
  const { db } = app;
  const isShared = { config: { isShared: true } };

  app.get<WithId>('/history/:id', isShared, async (request, reply) => {
    const post = await load(request);
    const versions = await listVersions(readDbFor(request), post.id);
    return reply.page('posts/history', { title: `Edit history of post ${post.id}`, post, versions });
  });

  app.get<WithVersion>('/history/:id/:version', isShared, async (request, reply) => {
    const post = await load(request);
    const number = idFrom(request.params.version);
    const { version, next } = await findVersion(readDbFor(request), post.id, number);
    if (next === undefined) return reply.redirect(`/history/${post.id}`, 302);
    const [former, later] = [sourceOf(version), sourceOf(next)];
    return reply.page('posts/version', {
      title: `Edit of post ${post.id}, version ${number}`,
      post,
      version,
      next,
      text: former,
      comparison:
        former !== null && later !== null ? await app.compareTexts({ former, next: later }) : undefined,
      mayDelete: mayDeleteVersions(sessionOf(request).user, post),
    });
  });

  app.post<WithVersion>(
    '/history/:id/:version/delete',
    { onRequest: requireUser },
    async (request, reply) => {
      const { id, version } = request.params;
      const which = { postId: idFrom(id), number: idFrom(version) };
      await deleteVersion(db, currentUser(request), which, whyFrom(request));
      await sessionOf(request).flash('The version has been deleted.');
      return reply.redirect(`/history/${which.postId}`, 303);
    },
  );
}

/** Loads the post of a request. Only moderators can see the history of a hidden post. */
function load(request: FastifyRequest<WithId>): Promise<PostSource> {
  const seesDisabled = can(sessionOf(request).user, Permission.MODERATE);
  return findPostSource(readDbFor(request), idFrom(request.params.id), seesDisabled);
}
