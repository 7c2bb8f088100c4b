import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { verifyPassword } from '../../../domain/accounts/authenticate.ts';
import { changePassword } from '../../../domain/accounts/change-password.ts';
import { weaknessOf } from '../../../domain/accounts/password-rules.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { newPasswordField, PASSWORDS_DIFFER, passwordField, WRONG_PASSWORD } from './fields.ts';

const ChangePasswordForm = Type.Object({
  old_password: passwordField(),
  password: newPasswordField(),
  password2: passwordField(),
});

export default async function changePasswordRoutes(app: FastifyInstance): Promise<void> {
  const { db, queue, passwords, rateLimits } = app;

  app.get('/change-password', (_request, reply) => show(reply, EMPTY_FORM));

  app.post('/change-password', async (request, reply) => {
    const form = request.readForm(ChangePasswordForm);
    if (form.data === undefined) return show(reply.code(422), form.state);
    const { old_password, password, password2 } = form.data;
    if (password !== password2) return show(reply.code(422), form.refuse('password2', PASSWORDS_DIFFER));

    const { id, email, username } = currentUser(request);
    const weakness = await weaknessOf(password, [username, email, app.site.settings.name]);
    if (weakness !== undefined) return show(reply.code(422), form.refuse('password', weakness));
    const actor = { account: id, address: request.ip };
    await rateLimits.consume('login', actor);
    const account = await verifyPassword({ db, passwords }, id, old_password);
    const hasChanged =
      account !== undefined &&
      (await changePassword({ db, queue, passwords }, account, {
        password,
        session: await sessionOf(request).renew(),
      }));
    if (!hasChanged) {
      return show(reply.code(422), form.refuse('old_password', WRONG_PASSWORD));
    }
    await rateLimits.forgive('login', actor);
    await sessionOf(request).rememberBrowser(id);
    await sessionOf(request).flash('Your password has been updated.');
    return reply.redirect('/', 303);
  });
}

function show(reply: FastifyReply, form: FormState) {
  return reply.page('auth/change-password', { title: 'Change password', form });
}
