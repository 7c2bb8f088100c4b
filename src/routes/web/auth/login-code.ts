import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { findPendingLogIn } from '../../../domain/sessions/pending-log-in.ts';
import { useLogInCode } from '../../../domain/two-factor/use-code.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import { attemptCode } from './attempt-code.ts';
import { codeField, emptied, WRONG_CODE } from './fields.ts';
import { localPath } from './local-path.ts';

const CodeForm = Type.Object({ code: codeField() });

interface WithNext {
  Querystring: { next?: unknown; recovery?: unknown };
}

/** The second step of logging in to an account with two-factor authentication. */
export default async function loginCodeRoutes(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get<WithNext>('/login/code', async (request, reply) => {
    const pending = await findPendingLogIn(db, sessionOf(request).hash);
    return pending === undefined ? startAgain(request, reply) : show(request, reply, EMPTY_FORM);
  });

  app.post<WithNext>('/login/code', async (request, reply) => {
    const session = sessionOf(request);
    const pending = await findPendingLogIn(db, session.hash);
    if (pending === undefined) return startAgain(request, reply);
    const form = request.readForm(CodeForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { code } = form.data;
    const { id: userId } = pending;
    const isRight = await attemptCode(request, { userId, code }, () => useLogInCode(db, userId, code));
    if (!isRight) return show(request, reply.code(422), form.refuse('code', WRONG_CODE));
    await session.signIn({ ...pending, isCodeProven: true });
    return reply.redirect(nextOf(request), 303);
  });
}

function nextOf({ query }: FastifyRequest<WithNext>): string {
  return localPath(query.next) ?? '/';
}

function startAgain(request: FastifyRequest<WithNext>, reply: FastifyReply) {
  return reply.redirect(`/auth/login?next=${encodeURIComponent(nextOf(request))}`, 303);
}

function show(request: FastifyRequest<WithNext>, reply: FastifyReply, form: FormState) {
  return reply.page('auth/login-code', {
    title: 'Enter your code',
    form: emptied(form),
    next: nextOf(request),
    isRecovery: request.query.recovery !== undefined,
  });
}
