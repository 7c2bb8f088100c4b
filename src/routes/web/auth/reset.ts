import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { requestPasswordReset, resetPassword } from '../../../domain/accounts/change-password.ts';
import { findTokenOwner, isTokenValid } from '../../../domain/accounts/mailed-token.ts';
import { weaknessOf } from '../../../domain/accounts/password-rules.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import type { WithToken } from '../params.ts';
import { emailField, newPasswordField, PASSWORDS_DIFFER, passwordField } from './fields.ts';
import { invalidLink } from './invalid-link.ts';

const RequestForm = Type.Object({ email: emailField() });
const ResetForm = Type.Object({ password: newPasswordField(), password2: passwordField() });

export default async function resetRoutes(app: FastifyInstance): Promise<void> {
  const { db, queue, passwords, rateLimits } = app;

  app.get('/reset', (_request, reply) => showRequest(reply, EMPTY_FORM));

  app.post('/reset', async (request, reply) => {
    const form = request.readForm(RequestForm);
    if (form.data === undefined) return showRequest(reply.code(422), form.state);
    await rateLimits.consume('reset', { account: form.data.email, address: request.ip });
    await requestPasswordReset({ db, queue }, form.data.email);
    await sessionOf(request).flash('If that address has an account, we’ve sent it a reset link.');
    return reply.redirect('/auth/login', 303);
  });

  app.get<WithToken>('/reset/:token', async (request, reply) => {
    if (!(await isTokenValid(db, 'reset-password', request.params.token))) throw invalidLink();
    return showReset(reply, EMPTY_FORM);
  });

  app.post<WithToken>('/reset/:token', async (request, reply) => {
    const { token } = request.params;
    const owner = await findTokenOwner(db, 'reset-password', token);
    if (owner === undefined) throw invalidLink();
    const form = request.readForm(ResetForm);
    if (form.data === undefined) return showReset(reply.code(422), form.state);
    const { password, password2 } = form.data;
    if (password !== password2) return showReset(reply.code(422), form.refuse('password2', PASSWORDS_DIFFER));
    const weakness = await weaknessOf(password, [owner.username, owner.email, app.site.settings.name]);
    if (weakness !== undefined) return showReset(reply.code(422), form.refuse('password', weakness));
    if (!(await resetPassword({ db, queue, passwords }, token, password))) throw invalidLink();
    // Someone who only reads the mail must not get extra attempts at the second factor.
    if (!owner.hasTwoFactor) await sessionOf(request).rememberBrowser(owner.id);
    await sessionOf(request).flash('Your password has been updated.');
    return reply.redirect('/auth/login', 303);
  });
}

function showRequest(reply: FastifyReply, form: FormState) {
  return reply.page('auth/reset-request', { title: 'Reset password', form });
}

function showReset(reply: FastifyReply, form: FormState) {
  return reply.page('auth/reset', { title: 'Reset password', form });
}
