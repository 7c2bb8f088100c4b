import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { relyingPartyOf } from '../../../domain/passkeys/relying-party.ts';
import { usePasskey } from '../../../domain/passkeys/use.ts';
import { type FoundPendingLogIn, findPendingLogIn } from '../../../domain/sessions/pending-log-in.ts';
import { useLogInCode } from '../../../domain/two-factor/use-code.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import { attemptCode } from './attempt-code.ts';
import { checkLogIn } from './check-log-in.ts';
import { codeField, credentialField, emptied, WRONG_CODE, wrongPasskey } from './fields.ts';
import { localPath } from './local-path.ts';

const CodeForm = Type.Object({ code: codeField() });
const PasskeyForm = Type.Object({ credential: credentialField() });

interface WithNext {
  Querystring: { next?: unknown; recovery?: unknown };
}

/** The second step of logging in to an account with two-factor authentication. */
export default async function loginCodeRoutes(app: FastifyInstance): Promise<void> {
  const { db } = app;
  const site = relyingPartyOf(app.config.baseUrl);

  app.get<WithNext>('/login/code', async (request, reply) => {
    const pending = await findPendingLogIn(db, sessionOf(request).hash);
    return pending === undefined ? startAgain(request, reply) : show(request, reply, pending, EMPTY_FORM);
  });

  app.post<WithNext>('/login/code', async (request, reply) => {
    const session = sessionOf(request);
    const pending = await findPendingLogIn(db, session.hash);
    if (pending === undefined) return startAgain(request, reply);
    const form = request.readForm(CodeForm);
    if (form.data === undefined) return show(request, reply.code(422), pending, form.state);
    const { code } = form.data;
    const { id: userId } = pending;
    const isRight = await attemptCode(request, { userId, code }, () => useLogInCode(db, userId, code));
    if (!isRight) return show(request, reply.code(422), pending, form.refuse('code', WRONG_CODE));
    await session.signIn({ ...pending, isSecondFactorProven: true });
    return reply.redirect(nextOf(request), 303);
  });

  if (site === undefined) return;
  app.post<WithNext>('/login/code/passkey', async (request, reply) => {
    const session = sessionOf(request);
    const pending = await findPendingLogIn(db, session.hash);
    if (pending === undefined) return startAgain(request, reply);
    const form = request.readForm(PasskeyForm);
    if (form.data === undefined) return show(request, reply.code(422), pending, form.state);
    const { credential: answer } = form.data;
    const account = await usePasskey(db, site, { session: session.hash, answer, onlyOf: pending.id });
    const refusal = account ? await checkLogIn(request, account) : wrongPasskey(answer);
    if (refusal !== undefined)
      return show(request, reply.code(422), pending, form.refuse('credential', refusal));
    await session.signIn({ ...pending, isSecondFactorProven: true });
    return reply.redirect(nextOf(request), 303);
  });
}

function nextOf({ query }: FastifyRequest<WithNext>): string {
  return localPath(query.next) ?? '/';
}

function startAgain(request: FastifyRequest<WithNext>, reply: FastifyReply) {
  return reply.redirect(`/auth/login?next=${encodeURIComponent(nextOf(request))}`, 303);
}

function show(
  request: FastifyRequest<WithNext>,
  reply: FastifyReply,
  { hasApp, hasPasskeys }: FoundPendingLogIn,
  form: FormState,
) {
  return reply.page('auth/login-code', {
    title: hasApp ? 'Enter your code' : 'Use your passkey',
    hasApp,
    hasPasskeys,
    form: emptied(form),
    next: nextOf(request),
    isRecovery: request.query.recovery !== undefined,
  });
}
