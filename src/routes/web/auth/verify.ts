import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { verifyPassword } from '../../../domain/accounts/authenticate.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { passwordField } from './fields.ts';
import { localPath } from './local-path.ts';

const VerifyForm = Type.Object({ password: passwordField() });

interface WithNext {
  Querystring: { next?: unknown };
}

/** Asks a logged-in user for the password again, before sensitive pages. */
export default async function verifyRoutes(app: FastifyInstance): Promise<void> {
  const { db, passwords, rateLimits } = app;

  app.get<WithNext>('/verify', (request, reply) => show(request, reply, EMPTY_FORM));

  app.post<WithNext>('/verify', async (request, reply) => {
    const form = request.readForm(VerifyForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { id } = currentUser(request);
    const actor = { account: id, address: request.ip };
    await rateLimits.consume('login', actor);
    if ((await verifyPassword({ db, passwords }, id, form.data.password)) === undefined) {
      return show(request, reply.code(422), form.refuse('password', 'Invalid password.'));
    }
    await rateLimits.forgive('login', actor);
    await sessionOf(request).verify();
    return reply.redirect(localPath(request.query.next) ?? '/', 303);
  });
}

function show({ query }: FastifyRequest<WithNext>, reply: FastifyReply, form: FormState) {
  return reply.page('auth/verify', { title: 'Enter your password', form, next: localPath(query.next) });
}
