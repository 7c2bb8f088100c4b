import type { FastifyInstance } from 'fastify';
import { confirmAccount } from '../../../domain/accounts/confirm.ts';
import { findTokenOwner } from '../../../domain/accounts/mailed-token.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import type { WithToken } from '../params.ts';
import { invalidLink } from './invalid-link.ts';

/**
 * The mailed confirmation link. Opening it only shows a button, because mail scanners open links too. The button logs in on any
 * device, because whoever can read the mail owns the address. It does not if the account needs a second factor.
 */
export default async function confirmRoutes(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get<WithToken>('/confirm/:token', async (request, reply) => {
    if (sessionOf(request).user?.isConfirmed) return reply.redirect('/', 303);
    const owner = await findTokenOwner(db, 'confirm-account', request.params.token);
    if (owner === undefined) throw invalidLink();
    return reply.page('auth/confirm', {
      title: 'Confirm your account',
      username: owner.username,
      logsIn: !owner.hasTwoFactor,
    });
  });

  app.post<WithToken>('/confirm/:token', async (request, reply) => {
    const { token } = request.params;
    const owner = await findTokenOwner(db, 'confirm-account', token);
    const confirmed = await confirmAccount({ db, adminEmail: app.config.adminEmail }, token);
    if (owner === undefined || confirmed === undefined) throw invalidLink();
    const session = sessionOf(request);
    // Does not replace another user's session. An account with a second factor was confirmed before, so its owner can log in.
    if (!session.user?.isConfirmed && !owner.hasTwoFactor)
      await session.signIn({ id: confirmed.id, isRemembered: false });
    if (confirmed.isWaiting) return reply.redirect('/auth/unconfirmed', 303);
    await session.flash('You have confirmed your account. Thanks!');
    return reply.redirect('/', 303);
  });
}
