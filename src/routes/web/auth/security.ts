import type { FastifyInstance } from 'fastify';
import { listPasskeys } from '../../../domain/passkeys/list.ts';
import { relyingPartyOf } from '../../../domain/passkeys/relying-party.ts';
import { endListedSession, endOtherSessions } from '../../../domain/sessions/end.ts';
import { listSessions } from '../../../domain/sessions/list.ts';
import { findTwoFactor } from '../../../domain/two-factor/find.ts';
import { noSuch } from '../../../errors.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { requireUser } from '../../guards.ts';
import { browserName } from '../browser-name.ts';
import type { WithId } from '../params.ts';

/** Where people see how their account is protected, and where they are logged in. */
export default async function securityRoutes(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);

  app.get('/security', async (request, reply) => {
    const thisId = sessionOf(request).hash?.toString('hex');
    const { id: userId } = currentUser(request);
    const twoFactor = await findTwoFactor(db, userId);
    const passkeys = await listPasskeys(db, userId);
    const found = await listSessions(db, userId);
    const sessions = found.map(({ userAgent, ...session }) => ({
      ...session,
      browser: browserName(userAgent),
      isThis: session.id === thisId,
    }));
    return reply.page('auth/security', {
      title: 'Security',
      sessions,
      twoFactor,
      passkeys,
      canHavePasskeys: relyingPartyOf(app.config.baseUrl) !== undefined,
    });
  });

  app.post<WithId>('/sessions/:id/end', { config: { limit: 'profile' } }, async (request, reply) => {
    const { id } = request.params;
    const isSession = /^[0-9a-f]{64}$/.test(id) && (await endListedSession(db, currentUser(request).id, id));
    if (!isSession) throw noSuch('session');
    await sessionOf(request).flash('That browser has been logged out.');
    return reply.redirect('/auth/security', 303);
  });

  app.post('/sessions/end-others', { config: { limit: 'profile' } }, async (request, reply) => {
    const session = sessionOf(request);
    const { hash } = session;
    if (hash !== undefined) await endOtherSessions(db, currentUser(request).id, hash);
    await session.flash('You have been logged out everywhere else.');
    return reply.redirect('/auth/security', 303);
  });
}
