import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { renderSVG } from 'uqr';
import { findTwoFactor } from '../../../domain/two-factor/find.ts';
import { renewRecoveryCodes } from '../../../domain/two-factor/renew-recovery-codes.ts';
import { newTotpSecret, TOTP_SECRET_PATTERN, totpUri } from '../../../domain/two-factor/totp.ts';
import { turnOffTwoFactor } from '../../../domain/two-factor/turn-off.ts';
import { turnOnTwoFactor } from '../../../domain/two-factor/turn-on.ts';
import { EMPTY_FORM, type FormState } from '../../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { requireUser } from '../../guards.ts';
import { attemptCode } from './attempt-code.ts';
import { attemptPassword } from './attempt-password.ts';
import { codeField, emptied, passwordField, WRONG_CODE, WRONG_PASSWORD } from './fields.ts';

const ProofForm = Type.Object({ password: passwordField(), code: codeField() });
const SetUpForm = Type.Object({
  ...ProofForm.properties,
  secret: Type.String({ pattern: TOTP_SECRET_PATTERN }),
});

/** Where people turn two-factor authentication on and off. */
export default async function twoFactorRoutes(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireUser);
  app.register(turningOn);
  app.register(turningOff);
  app.register(recoveryCodes);
}

/** The form carries the new secret, because opening the page must store nothing. */
async function turningOn(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', requireNoApp);

  app.get('/on', (request, reply) => showSetUp(request, reply, EMPTY_FORM));

  app.post('/on', async (request, reply) => {
    const form = request.readForm(SetUpForm);
    if (form.data === undefined) return showSetUp(request, reply.code(422), form.state);
    const { password, code, secret } = form.data;
    const account = await attemptPassword(request, password);
    if (account === undefined)
      return showSetUp(request, reply.code(422), form.refuse('password', WRONG_PASSWORD));
    const session = await sessionOf(request).renew();
    const codes = await turnOnTwoFactor(app, account, { secret, code, session });
    if (codes === undefined) return showSetUp(request, reply.code(422), form.refuse('code', WRONG_CODE));
    await sessionOf(request).rememberBrowser(account.id);
    return showCodes(reply, codes);
  });
}

async function turningOff(app: FastifyInstance): Promise<void> {
  const show = (reply: FastifyReply, form: FormState) =>
    reply.page('auth/two-factor-off', { title: 'Turn off two-factor authentication', form: emptied(form) });
  app.addHook('onRequest', requireTwoFactor);

  app.get('/off', (_request, reply) => show(reply, EMPTY_FORM));

  app.post('/off', async (request, reply) => {
    const proven = await withProof(request, (userId, code) => turnOffTwoFactor(app, userId, code));
    if ('refused' in proven) return show(reply.code(422), proven.refused);
    await sessionOf(request).flash('Two-factor authentication is off.');
    return reply.redirect('/auth/security', 303);
  });
}

async function recoveryCodes(app: FastifyInstance): Promise<void> {
  const show = (reply: FastifyReply, form: FormState) =>
    reply.page('auth/new-recovery-codes', { title: 'Create new recovery codes', form: emptied(form) });
  app.addHook('onRequest', requireTwoFactor);

  app.get('/recovery-codes', (_request, reply) => show(reply, EMPTY_FORM));

  app.post('/recovery-codes', async (request, reply) => {
    const proven = await withProof(request, (userId, code) => renewRecoveryCodes(app.db, userId, code));
    return 'refused' in proven ? show(reply.code(422), proven.refused) : showCodes(reply, proven.result);
  });
}

/** A hook for pages that only make sense while two-factor authentication is on. */
async function requireTwoFactor(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { isOn } = await findTwoFactor(request.server.db, currentUser(request).id);
  if (!isOn) return reply.redirect('/auth/security', 303);
}

/** A hook for pages that only make sense without an app. */
async function requireNoApp(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { since } = await findTwoFactor(request.server.db, currentUser(request).id);
  if (since !== null) return reply.redirect('/auth/security', 303);
}

/**
 * Verifies the password of the signed-in user, and uses the code.
 *
 * @param use uses the code; returns false or undefined if it is wrong
 */
async function withProof<Result>(
  request: FastifyRequest,
  use: (userId: number, code: string) => Promise<Result | false | undefined>,
): Promise<{ result: Result } | { refused: FormState }> {
  const form = request.readForm(ProofForm);
  if (form.data === undefined) return { refused: form.state };
  const { password, code } = form.data;
  const account = await attemptPassword(request, password);
  if (account === undefined) return { refused: form.refuse('password', WRONG_PASSWORD) };
  const { id: userId } = account;
  const result = await attemptCode(request, { userId, code }, () => use(userId, code));
  return result ? { result } : { refused: form.refuse('code', WRONG_CODE) };
}

function showSetUp(request: FastifyRequest, reply: FastifyReply, form: FormState) {
  const { secret: sent } = form.values;
  const secret = sent === undefined || 'secret' in form.errors ? newTotpSecret() : sent;
  const uri = totpUri(secret, {
    issuer: request.server.site.settings.name,
    label: currentUser(request).username,
  });
  return reply.page('auth/two-factor-on', {
    title: 'Set up an authenticator app',
    form: emptied(form),
    secret,
    qrCode: renderSVG(uri, { border: 4 }), // The quiet zone of ISO/IEC 18004.
  });
}

/** Responds with the page and not with a redirect, because the codes are not stored and can only be shown here. */
export function showCodes(reply: FastifyReply, codes: readonly string[]) {
  return reply
    .header('cache-control', 'no-store')
    .page('auth/recovery-codes', { title: 'Your recovery codes', codes });
}
