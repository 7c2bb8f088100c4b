import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { MAX_REASON_LENGTH, REPORTABLE, report } from '../../domain/moderation/report.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { localPath } from './auth/local-path.ts';
import { idFrom, type WithId, type WithNext } from './params.ts';

const ReportForm = Type.Object({ reason: Type.String({ minLength: 1, maxLength: MAX_REASON_LENGTH }) });

/** Where people report posts, comments and people to the moderators. */
export default async function reports(app: FastifyInstance): Promise<void> {
  const { db } = app;
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requirePermission(Permission.COMMENT));

  for (const kind of REPORTABLE) {
    const show = (reply: FastifyReply, form: FormState) =>
      reply.page('posts/report', { title: `Report a ${kind}`, kind, form });

    app.get<WithId & WithNext>(`/${kind}/:id`, (request, reply) => {
      idFrom(request.params.id);
      return show(reply, EMPTY_FORM);
    });

    app.post<WithId & WithNext>(`/${kind}/:id`, { config: { limit: 'report' } }, async (request, reply) => {
      const id = idFrom(request.params.id);
      const user = currentUser(request);
      const seesDisabled = can(user, Permission.MODERATE);
      const form = request.readForm(ReportForm);
      if (form.data === undefined) return show(reply.code(422), form.state);
      await report(db, { kind, id }, { reporterId: user.id, reason: form.data.reason, seesDisabled });
      await sessionOf(request).flash('Thanks. A moderator will look at it.');
      return reply.redirect(localPath(request.query.next) ?? '/', 303);
    });
  }
}
