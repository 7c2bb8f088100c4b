import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { weaknessOf } from '../../../domain/accounts/password-rules.ts';
import { register } from '../../../domain/accounts/register.ts';
import { isReservedName } from '../../../domain/accounts/reserved-names.ts';
import { DomainError } from '../../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import { emailField, newPasswordField, PASSWORDS_DIFFER, passwordField, usernameField } from './fields.ts';

const RegisterForm = Type.Object({
  email: emailField(),
  username: usernameField(),
  password: newPasswordField(),
  password2: passwordField(),
});

const NAME_RESERVED = 'This username is reserved. Please choose another.';

export default async function registerRoutes(app: FastifyInstance): Promise<void> {
  const { db, queue, passwords, rateLimits } = app;

  app.get('/register', (_request, reply) => show(reply, EMPTY_FORM));

  app.post('/register', async (request, reply) => {
    const form = request.readForm(RegisterForm);
    if (form.data === undefined) return show(reply.code(422), form.state);
    const { email, username, password, password2 } = form.data;
    if (password !== password2) return show(reply.code(422), form.refuse('password2', PASSWORDS_DIFFER));

    if (isReservedName(username)) return show(reply.code(422), form.refuse('username', NAME_RESERVED));
    const weakness = await weaknessOf(password, [username, email, app.site.settings.name]);
    if (weakness !== undefined) return show(reply.code(422), form.refuse('password', weakness));

    await rateLimits.consume('register', { account: email, address: request.ip });
    try {
      const account = await register({ db, queue, passwords }, { email, username, password });
      await sessionOf(request).signIn({ ...account, isRemembered: false });
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'username-taken') throw error;
      return show(reply.code(422), form.refuse('username', error.message));
    }
    await sessionOf(request).flash(`We've sent a confirmation link to ${email}.`);
    return reply.redirect('/auth/unconfirmed', 303);
  });
}

function show(reply: FastifyReply, form: FormState) {
  return reply.page('auth/register', { title: 'Register', form });
}
