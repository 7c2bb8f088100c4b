import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { correctEmail, resendConfirmation } from '../../../domain/accounts/confirm.ts';
import { findApplicationState } from '../../../domain/joining/apply.ts';
import type { FormState } from '../../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { emailField } from './fields.ts';

const AddressForm = Type.Object({ email: emailField() });

/**
 * Tells people with a new account to check their email, and lets them request a new link or correct a mistyped address. Shows
 * applicants whether a moderator has decided.
 */
export default async function unconfirmedRoutes(app: FastifyInstance): Promise<void> {
  const { db, queue, rateLimits } = app;

  app.get('/unconfirmed', async (request, reply) => {
    const { isConfirmed, email } = currentUser(request);
    if (isConfirmed) return reply.redirect('/', 303);
    return show(request, reply, { values: { email }, errors: {} });
  });

  app.post('/unconfirmed', async (request, reply) => {
    const user = currentUser(request);
    if (user.isConfirmed) return reply.redirect('/', 303);
    const form = request.readForm(AddressForm);
    if (form.data === undefined) return show(request, reply.code(422), form.state);
    const { email } = form.data;
    await rateLimits.consume('changeEmail', { account: user.id, address: request.ip });
    await rateLimits.consume('resend', { account: email, address: request.ip });
    const session = await sessionOf(request).renew();
    if (await correctEmail({ db, queue }, user.id, email, { session })) {
      await sessionOf(request).flash(`We’ve sent a confirmation link to ${email}.`);
    }
    return reply.redirect('/auth/unconfirmed', 303);
  });

  app.post('/confirm', async (request, reply) => {
    const user = currentUser(request);
    if (user.isConfirmed) return reply.redirect('/', 303);
    const state = await findApplicationState(db, user.id);
    if (state === 'waiting' || state === 'declined') return reply.redirect('/auth/unconfirmed', 303);
    await rateLimits.consume('resend', { account: user.email, address: request.ip });
    await resendConfirmation({ db, queue }, user.id);
    await sessionOf(request).flash(`We’ve sent a new confirmation link to ${user.email}.`);
    return reply.redirect('/auth/unconfirmed', 303);
  });
}

const TITLES = {
  unconfirmed: 'Check your email',
  waiting: 'Waiting for approval',
  declined: 'Application declined',
} as const;

async function show(request: FastifyRequest, reply: FastifyReply, form: FormState) {
  const state = (await findApplicationState(request.server.db, currentUser(request).id)) ?? 'unconfirmed';
  return reply.page('auth/unconfirmed', { title: TITLES[state], form, state });
}
