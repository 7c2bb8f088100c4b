import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { mayEdit } from '../../domain/comments/edit.ts';
import { listThreads, type ThreadedComment } from '../../domain/comments/threads.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { findPost } from '../../domain/posts/list.ts';
import { deletePost, loadForChange, mayChange, updatePost } from '../../domain/posts/write.ts';
import { DomainError } from '../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { bodyField, textOf } from './fields.ts';
import { metaOfPost, titleOfPost } from './meta.ts';
import { paginate } from './pagination.ts';
import { idFrom, placeFrom, queryOf } from './params.ts';

const EditForm = Type.Object({
  body: bodyField(),
  version: Type.String({ pattern: '^\\d{0,9}$' }),
  preview: Type.Boolean(),
});

const EDIT_CONFLICT =
  'This post has changed since you started editing. Save again to overwrite the newer version.';

interface WithId {
  Params: { id: string };
}

export default async function posts(app: FastifyInstance): Promise<void> {
  app.get<WithId>('/post/:id', { config: { isShared: true } }, (request, reply) =>
    showPost(request, reply, { form: EMPTY_FORM }),
  );

  app.register(editor);
}

/** Shows a post with a page of its comments, and the form for another. */
export async function showPost(
  request: FastifyRequest<WithId>,
  reply: FastifyReply,
  { form, previewHtml }: { form: FormState; previewHtml?: string },
) {
  const { config } = request.server;
  const readDb = readDbFor(request);
  const { user } = sessionOf(request);
  const found = await findPost(readDb, idFrom(request.params.id));
  const isHidden = found.isDisabled && !can(user, Permission.MODERATE);
  const post = isHidden ? { ...found, bodyHtml: '' } : found;
  const place = placeFrom(request.query);
  const filter = { postId: post.id, readerId: user?.id };
  const comments = await listThreads(readDb, filter, { ...place, size: config.commentsPerPage });
  const path = `/post/${post.id}`;
  return reply.page('posts/show', {
    title: titleOfPost(post) + (queryOf(place) === '' ? '' : ', more comments'),
    ...(!post.isDisabled && { meta: metaOfPost(post, place, config.baseUrl) }),
    places: new Set(['comments', ...comments.items.map(({ id }) => `comment-${id}`)]),
    form,
    previewHtml,
    post,
    mayChange: mayChange(user, post),
    mayEdit: (comment: ThreadedComment) => mayEdit(user, comment),
    comments,
    back: `?next=${encodeURIComponent(path + queryOf(place))}`,
    pagination: paginate(comments, { path, place, order: 'asc' }),
  });
}

/** Where authors edit and delete posts. */
async function editor(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get<WithId>('/edit/:id', async (request, reply) => {
    const post = await loadForChange(db, currentUser(request), idFrom(request.params.id));
    const values = { body: post.body, version: String(post.version) };
    return showEditor(reply, post.id, { values, errors: {} });
  });

  app.post<WithId>('/edit/:id', { config: { limit: 'post' } }, async (request, reply) => {
    const post = await loadForChange(db, currentUser(request), idFrom(request.params.id));
    const { id } = post;
    const form = request.readForm(EditForm);
    if (form.data === undefined) return showEditor(reply.code(422), id, form.state);
    const { body, version, preview } = form.data;
    const draft = { kind: 'post', body, writerId: post.authorId, replaces: { postId: id } } as const;
    const rendered = await textOf(renderText(app, draft), form);
    if ('refused' in rendered) return showEditor(reply.code(422), id, rendered.refused);
    if (preview) return showEditor(reply, id, form.state, rendered.text.html);
    try {
      await updatePost(db, id, rendered.text, version === '' ? undefined : [Number(version)]);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'edit-conflict') throw error;
      const newest = await loadForChange(db, currentUser(request), id);
      const { values, errors } = form.refuse('body', EDIT_CONFLICT);
      return showEditor(reply.code(422), id, {
        values: { ...values, version: String(newest.version) },
        errors,
      });
    }
    await sessionOf(request).flash('The post has been updated.');
    return reply.redirect(`/post/${id}`, 303);
  });

  app.post<WithId>('/post/:id/delete', async (request, reply) => {
    const { id } = await loadForChange(db, currentUser(request), idFrom(request.params.id));
    await deletePost(db, id);
    await sessionOf(request).flash('The post has been deleted.');
    return reply.redirect('/', 303);
  });
}

function showEditor(reply: FastifyReply, id: number, form: FormState, previewHtml?: string) {
  return reply.page('posts/edit', { title: 'Edit post', id, form, previewHtml });
}
