import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { mayEdit } from '../../domain/comments/edit.ts';
import { listThreads, type ThreadedComment } from '../../domain/comments/threads.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { findPost, type ReadPost } from '../../domain/posts/list.ts';
import { pathOfPost, slugOf } from '../../domain/posts/path.ts';
import { pinPost, unpinPost } from '../../domain/posts/pin.ts';
import { findRelatedPosts } from '../../domain/posts/related.ts';
import { visibilityOf } from '../../domain/posts/visibility.ts';
import {
  deletePost,
  type EditablePost,
  loadForChange,
  mayChange,
  updatePost,
} from '../../domain/posts/write.ts';
import { DomainError } from '../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { postFields, postOf } from './fields.ts';
import { metaOfPost, titleOfPost } from './meta.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeFrom, queryOf, type WithId, wholeQueryOf } from './params.ts';

const EditForm = Type.Object({
  ...postFields(),
  version: Type.String({ pattern: '^\\d{0,9}$' }),
  preview: Type.Boolean(),
});

const EDIT_CONFLICT =
  'This post has changed since you started editing. Save again to overwrite the newer version.';

/** The comment form as it was sent. */
interface Shown {
  readonly form: FormState;
  readonly previewHtml?: string;
}

interface WithSlug {
  Params: { id: string; slug?: string };
}

export default async function posts(app: FastifyInstance): Promise<void> {
  for (const path of ['/post/:id', '/post/:id/:slug']) {
    app.get<WithSlug>(path, { config: { isShared: true } }, async (request, reply) => {
      const post = await load(request);
      if (request.params.slug === slugOf(post.title)) return show(request, reply, post, { form: EMPTY_FORM });
      // A title can change back, so browsers must not keep the redirect.
      reply.header('cache-control', 'no-cache');
      return reply.redirect(pathOfPost(post) + wholeQueryOf(request), 301);
    });
  }

  app.register(editor);
}

/** Shows a post with a page of its comments and the comment form as it was sent. */
export async function showPost(request: FastifyRequest<WithId>, reply: FastifyReply, shown: Shown) {
  return show(request, reply, await load(request), shown);
}

async function show(request: FastifyRequest, reply: FastifyReply, post: ReadPost, shown: Shown) {
  const { config } = request.server;
  const { user } = sessionOf(request);
  const place = placeFrom(request.query);
  const filter = { postId: post.id, readerId: user?.id };
  const page = { ...place, size: config.commentsPerPage };
  const comments = await listThreads(readDbFor(request), filter, page);
  const related = await findRelatedPosts(readDbFor(request), post, user?.id);
  const path = pathOfPost(post);
  return reply.page('posts/show', {
    title: titleOfPost(post) + (queryOf(place) === '' ? '' : ', more comments'),
    ...(!post.isDisabled && !post.isUnlisted && { meta: metaOfPost(post, place, config.baseUrl) }),
    places: new Set(['comments', ...comments.items.map(({ id }) => `comment-${id}`)]),
    ...shown,
    post,
    mayChange: mayChange(user, post),
    mayEdit: (comment: ThreadedComment) => mayEdit(user, comment),
    comments,
    related,
    back: `?next=${encodeURIComponent(path + queryOf(place))}`,
    pagination: paginate(comments, { path, place, order: 'asc' }),
  });
}

/** Loads the post of a request. Only moderators can read a hidden one. */
async function load(request: FastifyRequest<WithId>): Promise<ReadPost> {
  const { user } = sessionOf(request);
  const post = await findPost(readDbFor(request), idFrom(request.params.id), user?.id);
  const isHidden = post.isDisabled && !can(user, Permission.MODERATE);
  return isHidden ? { ...post, title: null, bodyHtml: '', tags: [], addedTags: [] } : post;
}

/** Where authors edit, pin and delete posts. */
async function editor(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get<WithId>('/edit/:id', async (request, reply) => {
    const post = await loadForChange(db, currentUser(request), idFrom(request.params.id));
    const { body, addedTags, isUnlisted, version } = post;
    const visibility = visibilityOf(isUnlisted);
    const tags = addedTags.join(', ');
    const values = { title: post.title ?? '', body, tags, visibility, version: String(version) };
    return showEditor(reply, post, { values, errors: {} });
  });

  app.post<WithId>('/edit/:id', { config: { limit: 'post', hasPreview: true } }, async (request, reply) => {
    const post = await loadForChange(db, currentUser(request), idFrom(request.params.id));
    const form = request.readForm(EditForm);
    if (form.data === undefined) return showEditor(reply.code(422), post, form.state);
    const { title, body, version, preview } = form.data;
    const draft = { kind: 'post', body, writerId: post.authorId, replaces: { postId: post.id } } as const;
    const written = await postOf(renderText(app, draft), form.data, form);
    if ('refused' in written) return showEditor(reply.code(422), post, written.refused);
    if (preview) return showEditor(reply, post, form.state, written.post.html);
    try {
      await updatePost(app, post.id, written.post, version === '' ? undefined : [Number(version)]);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'edit-conflict') throw error;
      const newest = await loadForChange(db, currentUser(request), post.id);
      const { values, errors } = form.refuse('body', EDIT_CONFLICT);
      return showEditor(reply.code(422), newest, {
        values: { ...values, version: String(newest.version) },
        errors,
      });
    }
    await sessionOf(request).flash('The post has been updated.');
    return reply.redirect(pathOfPost({ id: post.id, title }), 303);
  });

  for (const [verb, act, done] of [
    ['pin', pinPost, 'The post is now at the top of your profile.'],
    ['unpin', unpinPost, 'The post is no longer at the top of your profile.'],
  ] as const) {
    const options = { onRequest: requirePermission(Permission.WRITE), config: { limit: 'profile' as const } };
    app.post<WithId>(`/post/:id/${verb}`, options, async (request, reply) => {
      const { id, username } = currentUser(request);
      await act(db, id, idFrom(request.params.id));
      await sessionOf(request).flash(done);
      return reply.redirect(`/user/${username}`, 303);
    });
  }

  app.post<WithId>('/post/:id/delete', async (request, reply) => {
    const { id } = await loadForChange(db, currentUser(request), idFrom(request.params.id));
    await deletePost(db, id);
    await sessionOf(request).flash('The post has been deleted.');
    return reply.redirect('/', 303);
  });
}

function showEditor(reply: FastifyReply, post: EditablePost, form: FormState, previewHtml?: string) {
  return reply.page('posts/edit', { title: 'Edit post', post, form, previewHtml });
}
