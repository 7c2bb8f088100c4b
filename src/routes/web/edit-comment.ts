import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { loadCommentForEdit, updateComment } from '../../domain/comments/edit.ts';
import { renderText } from '../../domain/mentions/render.ts';
import { DomainError } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireUser } from '../guards.ts';
import { bodyField, textOf } from './fields.ts';
import { idFrom, type WithId } from './params.ts';

const EditForm = Type.Object({
  body: bodyField(),
  version: Type.String({ pattern: '^\\d{0,9}$' }),
  preview: Type.Boolean(),
});

const EDIT_CONFLICT =
  'This comment has changed since you started editing. Save again to overwrite the newer version.';

/** Where authors edit their comments. */
export default async function editComment(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get<WithId>('/comment/:id/edit', async (request, reply) => {
    const comment = await loadCommentForEdit(db, currentUser(request), idFrom(request.params.id));
    const values = { body: comment.body, version: String(comment.version) };
    return showEditor(reply, comment.id, { values, errors: {} });
  });

  const limited = { config: { limit: 'comment', hasPreview: true } } as const;
  app.post<WithId>('/comment/:id/edit', limited, async (request, reply) => {
    const id = idFrom(request.params.id);
    const form = request.readForm(EditForm);
    if (form.data === undefined) return showEditor(reply.code(422), id, form.state);
    const { body, version, preview } = form.data;
    try {
      const { authorId: writerId } = await loadCommentForEdit(db, currentUser(request), id);
      const draft = { kind: 'comment', body, writerId, replaces: { commentId: id } } as const;
      const rendered = await textOf(renderText(app, draft), form);
      if ('refused' in rendered) return showEditor(reply.code(422), id, rendered.refused);
      const { text } = rendered;
      if (preview) return showEditor(reply, id, form.state, text.html);
      const versions = version === '' ? undefined : [Number(version)];
      await updateComment(app, currentUser(request), { id, text, versions });
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      if (error.code === 'edit-too-late' || error.code === 'blocked') {
        return showEditor(reply.code(403), id, form.refuse('body', error.message));
      }
      if (error.code !== 'edit-conflict') throw error;
      const newest = await loadCommentForEdit(db, currentUser(request), id);
      const { values, errors } = form.refuse('body', EDIT_CONFLICT);
      return showEditor(reply.code(422), id, {
        values: { ...values, version: String(newest.version) },
        errors,
      });
    }
    await sessionOf(request).flash('Your comment has been updated.', { at: `comment-${id}` });
    return reply.redirect(`/comment/${id}`, 303);
  });
}

function showEditor(reply: FastifyReply, id: number, form: FormState, previewHtml?: string) {
  return reply.page('posts/edit-comment', { title: 'Edit comment', id, form, previewHtml });
}
