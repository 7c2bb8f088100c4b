import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { findComment } from '../../domain/comments/list.ts';
import { locateComment } from '../../domain/comments/threads.ts';
import { deleteComment, publishComment } from '../../domain/comments/write.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { DomainError } from '../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, readDbFor, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import editComment from './edit-comment.ts';
import { bodyField, textOf } from './fields.ts';
import { idFrom, queryOf, type WithId } from './params.ts';
import { showPost } from './posts.ts';

const CommentForm = Type.Object({
  body: bodyField(),
  /** The comment that this one replies to. */
  parent: Type.String({ pattern: '^\\d{0,10}$' }),
  preview: Type.Boolean(),
});

const ON_ITS_OWN = 'You can publish this as a separate comment.';

export default async function comments(app: FastifyInstance): Promise<void> {
  const { db, config } = app;

  app.get<WithId>('/comment/:id', async (request, reply) => {
    const id = idFrom(request.params.id);
    const { postId, place } = await locateComment(readDbFor(request), id, config.commentsPerPage);
    return reply.redirect(`/post/${postId}${queryOf(place)}#comment-${id}`, 302);
  });

  // Lists truncate long comments; here they are whole.
  app.get<WithId>('/comment/:id/whole', { config: { isShared: true } }, async (request, reply) => {
    const comment = await findComment(readDbFor(request), idFrom(request.params.id));
    return reply.page('posts/comment', { title: `Comment by ${comment.authorUsername}`, comment });
  });

  const commenting = { onRequest: [requireUser, requirePermission(Permission.COMMENT)] };
  app.get<WithId>('/comment/:id/reply', commenting, (request, reply) =>
    showReply(request, reply, { parentId: idFrom(request.params.id), form: EMPTY_FORM }),
  );

  app.post<WithId>('/comment/:id/delete', { onRequest: requireUser }, async (request, reply) => {
    const postId = await deleteComment(db, currentUser(request), idFrom(request.params.id));
    await sessionOf(request).flash('The comment has been deleted.', { at: 'comments' });
    return reply.redirect(`/post/${postId}#comments`, 303);
  });

  app.post<WithId>('/post/:id', { ...commenting, config: { limit: 'comment', hasPreview: true } }, comment);

  app.register(editComment);
}

/** Publishes or previews a comment or, with the field `parent`, a reply to one. */
async function comment(request: FastifyRequest<WithId>, reply: FastifyReply) {
  const { db, queue } = request.server;
  const postId = idFrom(request.params.id);
  const form = request.readForm(CommentForm);
  const { parent } = form.state.values;
  const parentId = parent ? idFrom(parent) : undefined;
  const showAgain = (shown: { form: FormState; previewHtml?: string }) =>
    parentId === undefined
      ? showPost(request, reply, shown)
      : showReply(request, reply, { parentId, ...shown });
  const refuse = (status: number, refused: FormState) => {
    reply.code(status);
    return showAgain({ form: refused });
  };

  if (form.data === undefined) return refuse(422, form.state);
  const authorId = currentUser(request).id;
  const draft = { kind: 'comment', body: form.data.body, writerId: authorId } as const;
  const rendered = await textOf(renderText(request.server, draft), form);
  if ('refused' in rendered) return refuse(422, rendered.refused);
  const { text } = rendered;
  if (form.data.preview) return showAgain({ form: form.state, previewHtml: text.html });
  try {
    const { id } = await publishComment({ db, queue }, { postId, parentId, authorId, text });
    await sessionOf(request).flash('Your comment has been published.', { at: `comment-${id}` });
    // The last page also shows what others have just written.
    const path = parentId === undefined ? `/post/${postId}?page=-1#comment-${id}` : `/comment/${id}`;
    return reply.redirect(path, 303);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (error.code === 'blocked') return refuse(403, form.refuse('body', error.message));
    if (error.code !== 'parent-gone') throw error;
    const refused = form.refuse('body', `${error.message} ${ON_ITS_OWN}`);
    return showPost(request, reply.code(409), { form: refused });
  }
}

/** Shows the form for a reply below the comment being replied to. */
async function showReply(
  request: FastifyRequest,
  reply: FastifyReply,
  { parentId, ...shown }: { parentId: number; form: FormState; previewHtml?: string },
) {
  const comment = await findComment(request.server.db, parentId);
  return reply.page('posts/reply', { title: `Reply to ${comment.authorUsername}`, comment, ...shown });
}
