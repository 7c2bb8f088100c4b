import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { invite, listInvitations, MAX_USES, revokeInvitation } from '../../domain/joining/invite.ts';
import { noSuch } from '../../errors.ts';
import type { FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireVerified } from '../guards.ts';
import { idFrom, type WithId } from '../web/params.ts';

const InvitationForm = Type.Object({
  uses: Type.String({
    pattern: '^(?:[1-9]\\d?|100)$',
    messages: { pattern: `Enter a whole number from 1 to ${MAX_USES}.` },
  }),
  days: Type.Enum(['1', '7', '30', '90']),
});

const NEW_FORM: FormState = { values: { uses: '1', days: '7' }, errors: {} };

/** Where Administrators create invitations, see who has registered with them, and revoke them. */
export default async function invitations(app: FastifyInstance): Promise<void> {
  const { db, config } = app;

  app.get('/', { onRequest: requireVerified }, (request, reply) => show(request, reply, NEW_FORM));

  // Responds with the page and not with a redirect, because the token is not stored and can only be shown here.
  app.post('/', { onRequest: requireVerified }, async (request, reply) => {
    const form = request.readForm(InvitationForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { uses, days } = form.data;
    const options = { maxUses: Number(uses), days: Number(days) };
    const token = await invite(db, currentUser(request).id, options);
    return show(request, reply, NEW_FORM, `${config.baseUrl}/auth/register/${token}`);
  });

  app.post<WithId>('/:id/revoke', async (request, reply) => {
    if (!(await revokeInvitation(db, idFrom(request.params.id)))) throw noSuch('invitation');
    await sessionOf(request).flash('The invitation has been revoked.');
    return reply.redirect('/admin/invitations', 303);
  });
}

async function show({ server: { db } }: FastifyRequest, reply: FastifyReply, form: FormState, link?: string) {
  return reply.page('admin/invitations', {
    title: 'Invitations',
    form,
    link,
    invitations: await listInvitations(db),
  });
}
