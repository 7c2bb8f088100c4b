import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { authenticate } from '../../../domain/accounts/authenticate.ts';
import { type Candidate, findCandidates } from '../../../domain/accounts/find.ts';
import { untilWhen } from '../../../domain/moderation/sanction.ts';
import { findKnownBrowser } from '../../../domain/sessions/log-in.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import { emailField, passwordField } from './fields.ts';
import { localPath } from './local-path.ts';

const LoginForm = Type.Object({
  email: emailField(),
  password: passwordField(),
  remember_me: Type.Boolean(),
});

interface WithNext {
  Querystring: { next?: unknown };
}

export default async function loginRoutes(app: FastifyInstance): Promise<void> {
  const { db, passwords, rateLimits } = app;

  app.get<WithNext>('/login', (request, reply) => show(request, reply, EMPTY_FORM));

  app.post<WithNext>('/login', async (request, reply) => {
    const form = request.readForm(LoginForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { email, password, remember_me: isRemembered } = form.data;

    // Only the owner's browsers count, because anyone can register an unconfirmed account with the address.
    const candidates = await findCandidates(db, email);
    const [owner] = candidates;
    const device = await findKnownBrowser(db, owner?.id, sessionOf(request).browsers);
    const actor = { account: email, address: request.ip, device };
    await rateLimits.consume('login', actor);
    const account = await authenticate(passwords, candidates, password);
    if (account === undefined) {
      app.recordFailedLogIn(email);
      return show(request, reply.code(422), form.refuse('password', 'Invalid email or password.'));
    }
    // Logging in to an unconfirmed account must not reset the limit for guessing the owner's password.
    if (account.isConfirmed) await rateLimits.forgive('login', actor);
    const closed = whyClosed(account);
    if (closed !== undefined) return show(request, reply.code(422), form.refuse('password', closed));
    await rateLimits.consume('session', { account: account.id, address: request.ip });
    const next = localPath(request.query.next) ?? '/';
    if (account.hasTwoFactor) {
      await sessionOf(request).awaitCode({ ...account, isRemembered });
      return reply.redirect(`/auth/login/code?next=${encodeURIComponent(next)}`, 303);
    }
    await sessionOf(request).signIn({ ...account, isRemembered });
    return reply.redirect(next, 303);
  });
}

/** Why nobody can log in to an account; undefined if its owner can. */
function whyClosed({ deletionDueAt, suspendedUntil }: Candidate): string | undefined {
  if (suspendedUntil !== null)
    return `This account is suspended ${untilWhen(suspendedUntil)}. We have emailed the reason.`;
  return deletionDueAt === null
    ? undefined
    : 'This account will be deleted. To keep it, open the link in our email.';
}

function show({ query }: FastifyRequest<WithNext>, reply: FastifyReply, form: FormState) {
  const next = localPath(query.next);
  return reply.page('auth/login', { title: 'Log in', form, next });
}
