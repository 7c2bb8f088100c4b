import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { authenticate } from '../../../domain/accounts/authenticate.ts';
import { findCandidates } from '../../../domain/accounts/find.ts';
import { relyingPartyOf } from '../../../domain/passkeys/relying-party.ts';
import { optionsForLogIn, usePasskey } from '../../../domain/passkeys/use.ts';
import { findKnownBrowser } from '../../../domain/sessions/log-in.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import type { WithNext } from '../params.ts';
import { checkLogIn } from './check-log-in.ts';
import { credentialField, emailField, passwordField, wrongPasskey } from './fields.ts';
import { localPath } from './local-path.ts';

const LoginForm = Type.Object({
  email: emailField(),
  password: passwordField(),
  remember_me: Type.Boolean(),
});

const PasskeyForm = Type.Object({ credential: credentialField(), remember_me: Type.Boolean() });

export default async function loginRoutes(app: FastifyInstance): Promise<void> {
  const { db, passwords, rateLimits } = app;
  app.register(logInWithPasskey);

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
    const closed = await checkLogIn(request, account);
    if (closed !== undefined) return show(request, reply.code(422), form.refuse('password', closed));
    const next = localPath(request.query.next) ?? '/';
    if (account.hasTwoFactor) {
      await sessionOf(request).awaitCode({ ...account, isRemembered });
      return reply.redirect(`/auth/login/code?next=${encodeURIComponent(next)}`, 303);
    }
    await sessionOf(request).signIn({ ...account, isRemembered });
    return reply.redirect(next, 303);
  });
}

/** Sites that cannot have passkeys do not have these routes. */
async function logInWithPasskey(app: FastifyInstance): Promise<void> {
  const { db, rateLimits } = app;
  const site = relyingPartyOf(app.config.baseUrl);
  if (site === undefined) return;

  app.post('/login/passkey/options', async (request, reply) => {
    await rateLimits.consume('passkey', { account: request.ip, address: request.ip });
    const options = await optionsForLogIn(db, site, await sessionOf(request).ensure());
    return reply.header('cache-control', 'no-store').send(options);
  });

  app.post<WithNext>('/login/passkey', async (request, reply) => {
    const form = request.readForm(PasskeyForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { credential: answer, remember_me: isRemembered } = form.data;
    const session = sessionOf(request);
    const account = await usePasskey(db, site, { session: session.hash, answer });
    const refusal = account ? await checkLogIn(request, account) : wrongPasskey(answer);
    if (account === undefined || refusal !== undefined)
      return show(request, reply.code(422), form.refuse('credential', refusal ?? ''));
    await session.signIn({ id: account.id, isSecondFactorProven: true, isRemembered });
    return reply.redirect(localPath(request.query.next) ?? '/', 303);
  });
}

function show({ query, server }: FastifyRequest<WithNext>, reply: FastifyReply, form: FormState) {
  const next = localPath(query.next);
  const hasPasskeys = relyingPartyOf(server.config.baseUrl) !== undefined;
  return reply.page('auth/login', { title: 'Log in', form, next, hasPasskeys });
}
