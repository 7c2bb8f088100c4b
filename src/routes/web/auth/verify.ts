import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import type { WithNext } from '../params.ts';
import { attemptPassword } from './attempt-password.ts';
import { passwordField, WRONG_PASSWORD } from './fields.ts';
import { localPath } from './local-path.ts';

const VerifyForm = Type.Object({ password: passwordField() });

/** Asks a logged-in user for the password again, before sensitive pages. */
export default async function verifyRoutes(app: FastifyInstance): Promise<void> {
  app.get<WithNext>('/verify', (request, reply) => show(request, reply, EMPTY_FORM));

  app.post<WithNext>('/verify', async (request, reply) => {
    const form = request.readForm(VerifyForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    if ((await attemptPassword(request, form.data.password)) === undefined) {
      return show(request, reply.code(422), form.refuse('password', WRONG_PASSWORD));
    }
    await sessionOf(request).verify();
    return reply.redirect(localPath(request.query.next) ?? '/', 303);
  });
}

function show({ query }: FastifyRequest<WithNext>, reply: FastifyReply, form: FormState) {
  return reply.page('auth/verify', { title: 'Enter your password', form, next: localPath(query.next) });
}
