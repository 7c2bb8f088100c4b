import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Type } from 'typebox';
import { GRACE_DAYS, requestDeletion } from '../../domain/accounts/delete-account.ts';
import {
  cancelExport,
  findExportByToken,
  findNewestExport,
  readExport,
  requestExport,
} from '../../domain/exports/requests.ts';
import { DomainError } from '../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requireUser, requireVerified } from '../guards.ts';

/** Where people export their data and delete their account. */
export default async function yourData(app: FastifyInstance): Promise<void> {
  const { db, queue, config } = app;

  app.register(async (signedIn) => {
    signedIn.addHook('onRequest', requireUser);

    signedIn.get('/', { onRequest: requireVerified }, async (request, reply) => {
      const dataExport = await findNewestExport(db, currentUser(request).id);
      return reply.page('people/your-data', {
        title: 'Your data',
        dataExport,
        limit: config.rateLimitsEnabled ? config.rateLimits.export.account : undefined,
      });
    });

    signedIn.post(
      '/',
      { onRequest: requireVerified, config: { limit: 'export' } },
      async (request, reply) => {
        try {
          await requestExport({ db, queue }, currentUser(request).id);
        } catch (error) {
          if (!(error instanceof DomainError) || error.code !== 'export-underway') throw error;
          await sessionOf(request).warn(error.message);
        }
        return reply.redirect('/your-data', 303);
      },
    );

    signedIn.post('/cancel', { config: { limit: 'profile' } }, async (request, reply) => {
      const isCancelled = await cancelExport(db, currentUser(request).id);
      const session = sessionOf(request);
      if (isCancelled) await session.flash('Your export has been cancelled.');
      else await session.warn('There is no export to cancel.');
      return reply.redirect('/your-data', 303);
    });

    signedIn.get(
      '/download',
      { onRequest: requireVerified, config: { isLong: true } },
      async (request, reply) => {
        const dataExport = await findNewestExport(db, currentUser(request).id);
        if (dataExport?.state !== 'ready') throw noSuchExport();
        return sendExport(reply, dataExport.id);
      },
    );
  });

  app.register(deletion);

  app.get<{ Params: { token: string } }>('/:token', { config: { isLong: true } }, async (request, reply) => {
    const id = await findExportByToken(db, request.params.token);
    if (id === undefined) throw noSuchExport();
    return sendExport(reply, id);
  });
}

const DeletionForm = Type.Object({ texts: Type.Union([Type.Literal('delete'), Type.Literal('keep')]) });

/** Where people delete their account. */
async function deletion(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;
  app.addHook('onRequest', requireUser);
  app.addHook('onRequest', requireVerified);
  const show = (reply: FastifyReply, form: FormState) =>
    reply.page('people/delete-account', { title: 'Delete your account', form, days: GRACE_DAYS });

  app.get('/delete', (_request, reply) => show(reply, EMPTY_FORM));

  app.post('/delete', { config: { limit: 'profile' } }, async (request, reply) => {
    const form = request.readForm(DeletionForm);
    if (form.data === undefined) return show(reply.code(422), form.state);
    const { id, email } = currentUser(request);
    try {
      await requestDeletion({ db, queue }, id, { keepsTexts: form.data.texts === 'keep' });
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'last-administrator') throw error;
      return show(reply.code(422), form.refuse('texts', error.message));
    }
    await sessionOf(request).signOut();
    await sessionOf(request).flash(`Your account is closed. We’ve sent ${email} a link to keep it.`);
    return reply.redirect('/', 303);
  });
}

function sendExport(reply: FastifyReply, id: number) {
  return reply
    .type('application/zip')
    .header('cache-control', 'private, no-store')
    .header('content-disposition', 'attachment; filename="pennypost.zip"')
    .send(Readable.from(readExport(reply.server.db, id)));
}

function noSuchExport(): DomainError {
  return new DomainError('not-found', 'This export has expired. Request a new one under “Your data”.');
}
