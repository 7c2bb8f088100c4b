import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { deleteForReason, GRACE_DAYS } from '../../domain/accounts/delete-account.ts';
import { maySanction } from '../../domain/moderation/sanction.ts';
import { findAccount } from '../../domain/people/find.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { idFrom, type WithId } from '../web/params.ts';

const DeletionForm = Type.Object({
  when: Type.Enum(['later', 'now']),
  texts: Type.Enum(['delete', 'keep']),
  reason: Type.String({ minLength: 1, maxLength: 500 }),
});

/** Where Administrators delete an account. */
export default async function deletePerson(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;

  app.get<WithId>('/delete', (request, reply) => show(request, reply, EMPTY_FORM));

  app.post<WithId>('/delete', async (request, reply) => {
    const form = request.readForm(DeletionForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { when, texts, reason } = form.data;
    const id = idFrom(request.params.id);
    const isAtOnce = when === 'now';
    const decision = { keepsTexts: texts === 'keep', isAtOnce, reason };
    await deleteForReason({ db, queue }, currentUser(request), id, decision);
    await sessionOf(request).flash(
      isAtOnce
        ? 'The account is closed and will be deleted in a moment.'
        : 'The account is closed. We’re emailing them the reason.',
    );
    return reply.redirect(isAtOnce ? '/admin/people' : `/admin/people/${id}`, 303);
  });

  async function show(request: FastifyRequest<WithId>, reply: FastifyReply, form: FormState) {
    const account = await findAccount(db, idFrom(request.params.id));
    return reply.page('admin/delete-person', {
      title: `Delete ${account.username}`,
      account,
      mayDelete: maySanction(currentUser(request), account),
      form,
      days: GRACE_DAYS,
    });
  }
}
