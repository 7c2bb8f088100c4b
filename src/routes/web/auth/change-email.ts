import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { verifyPassword } from '../../../domain/accounts/authenticate.ts';
import { changeEmail, requestEmailChange } from '../../../domain/accounts/change-email.ts';
import { isTokenValid } from '../../../domain/accounts/mailed-token.ts';
import { DomainError } from '../../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { requireSignedIn } from '../../guards.ts';
import type { WithToken } from '../params.ts';
import { emailField, passwordField, WRONG_PASSWORD } from './fields.ts';

const ChangeEmailForm = Type.Object({ email: emailField(), password: passwordField() });

/** Requesting a change takes the password. The mailed link works on any device, like the confirmation link. */
export default async function changeEmailRoutes(app: FastifyInstance): Promise<void> {
  const { db, queue, passwords, rateLimits } = app;

  app.get('/change-email', { onRequest: requireSignedIn }, (_request, reply) => show(reply, EMPTY_FORM));

  app.post('/change-email', { onRequest: requireSignedIn }, async (request, reply) => {
    const form = request.readForm(ChangeEmailForm);
    if (form.data === undefined) return show(reply.code(422), form.state);
    const { email: newEmail, password } = form.data;
    const { id } = currentUser(request);
    await rateLimits.consume('changeEmail', { account: id, address: request.ip });
    await rateLimits.consume('resend', { account: newEmail, address: request.ip });
    const account = await verifyPassword({ db, passwords }, id, password);
    if (account === undefined || !(await requestEmailChange({ db, queue }, account, newEmail))) {
      return show(reply.code(422), form.refuse('password', WRONG_PASSWORD));
    }
    await sessionOf(request).flash(
      'An email with instructions to confirm your new email address has been sent to you.',
    );
    return reply.redirect('/', 303);
  });

  app.get<WithToken>('/change-email/:token', async (request, reply) => {
    if (!(await isTokenValid(db, 'change-email', request.params.token))) throw invalid();
    return reply.page('auth/confirm-email', { title: 'Confirm your email address' });
  });

  app.post<WithToken>('/change-email/:token', async (request, reply) => {
    const { adminEmail } = app.config;
    const session = sessionOf(request);
    const { user } = session;
    const hash = await session.renew();
    if (!(await changeEmail({ db, queue, adminEmail }, request.params.token, { session: hash })))
      throw invalid();
    if (user !== null) await session.rememberBrowser(user.id);
    await session.flash('Your email address has been updated.');
    return reply.redirect(user === null ? '/auth/login' : '/', 303);
  });
}

function show(reply: FastifyReply, form: FormState) {
  return reply.page('auth/change-email', { title: 'Change email address', form });
}

function invalid(): DomainError {
  return new DomainError('not-found', 'Invalid request.');
}
