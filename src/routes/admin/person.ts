import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { confirmManually, resendConfirmationManually } from '../../domain/accounts/confirm.ts';
import { undoDeletionManually } from '../../domain/accounts/delete-account.ts';
import { endAccessManually } from '../../domain/accounts/end-access.ts';
import { listMails } from '../../domain/mail/ledger.ts';
import { mailSubject } from '../../domain/mail/templates.ts';
import { listOpenReports } from '../../domain/moderation/report.ts';
import { maySanction, untilWhen } from '../../domain/moderation/sanction.ts';
import { type Account, findAccount } from '../../domain/people/find.ts';
import { listEvents } from '../../domain/security-events/list.ts';
import { listSessions } from '../../domain/sessions/list.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireVerified } from '../guards.ts';
import { describeEvent, KINDS_OF_CHANGES } from '../web/activity.ts';
import { browserName } from '../web/browser-name.ts';
import { idFrom, type WithId } from '../web/params.ts';
import deletePerson from './delete-person.ts';

const ActionForm = Type.Object({
  action: Type.Enum(['confirm', 'send-confirmation', 'end-access', 'keep']),
});

/**
 * One person's account, for Administrators. The profile's form and moderation have their own pages. All buttons submit to the
 * page's own path, because an Administrator who has to enter the password first returns to it.
 */
export default async function person(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireVerified);
  app.register(deletePerson);

  app.get<WithId>('/', async (request, reply) => {
    const account = await findAccount(db, idFrom(request.params.id));
    const { id, username, suspendedUntil, silencedUntil } = account;
    const sessions = await listSessions(db, id);
    const { events } = await listEvents(db, { userId: id, kinds: KINDS_OF_CHANGES }, undefined);
    return reply.page('admin/person', {
      title: `Account of ${username}`,
      account,
      suspended: suspendedUntil && untilWhen(suspendedUntil),
      silenced: silencedUntil && untilWhen(silencedUntil),
      mayDelete: maySanction(currentUser(request), account),
      sessions: sessions.map((session) => ({ ...session, browser: browserName(session.userAgent) })),
      reports: await listOpenReports(db, { authorId: id }),
      events,
      describeEvent,
    });
  });

  app.get<WithId>('/mails', async (request, reply) => {
    const account = await findAccount(db, idFrom(request.params.id));
    const mails = await listMails(db, account.id);
    return reply.page('admin/person-mails', {
      title: `Email to ${account.username}`,
      account,
      mails,
      mailSubject,
    });
  });

  app.post<WithId>('/', async (request, reply) => {
    const { data } = request.readForm(ActionForm);
    if (data === undefined) throw noSuch('action');
    const account = await findAccount(db, idFrom(request.params.id));
    try {
      await sessionOf(request).flash(await ACTIONS[data.action](app, account, request));
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'email-taken') throw error;
      await sessionOf(request).warn(error.message);
    }
    return reply.redirect(`/admin/people/${account.id}`, 303);
  });
}

/** Each action returns a message that says what was done. */
const ACTIONS = {
  async confirm({ db }: FastifyInstance, { id, username, isConfirmed }: Account) {
    if (!isConfirmed) await confirmManually(db, id);
    return `${username} is confirmed.`;
  },
  async 'send-confirmation'(
    app: FastifyInstance,
    { id, email, username, isConfirmed }: Account,
    { ip }: FastifyRequest,
  ) {
    if (isConfirmed) return `${username} is confirmed.`;
    await app.rateLimits.consume('resend', { account: email, address: ip });
    await resendConfirmationManually(app, id);
    return `We’ve sent a new confirmation link to ${email}.`;
  },
  async 'end-access'({ db }: FastifyInstance, { id, username }: Account, request: FastifyRequest) {
    await endAccessManually(db, id, { exceptSession: sessionOf(request).hash });
    return `${username} is logged out everywhere, and their API tokens are revoked.`;
  },
  async keep({ db }: FastifyInstance, { id, username }: Account) {
    await undoDeletionManually(db, id);
    return `The account of ${username} will not be deleted.`;
  },
};
