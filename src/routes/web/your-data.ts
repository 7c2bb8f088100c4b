import { Readable } from 'node:stream';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { GRACE_DAYS, requestDeletion } from '../../domain/accounts/delete-account.ts';
import { Permission } from '../../domain/accounts/roles.ts';
import {
  cancelExport,
  findExportByToken,
  findNewestExport,
  readExport,
  requestExport,
} from '../../domain/exports/requests.ts';
import { MAX_IMPORT } from '../../domain/imports/archive.ts';
import { findNewestImport, requestImport } from '../../domain/imports/requests.ts';
import { DomainError } from '../../errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser, requireVerified } from '../guards.ts';
import type { WithToken } from './params.ts';
import { readUpload } from './read-upload.ts';

/** Where people export and import their data, and delete their account. */
export default async function yourData(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;

  app.register(async (signedIn) => {
    signedIn.addHook('onRequest', requireUser);

    signedIn.get('/', { onRequest: requireVerified }, (request, reply) => showYourData(request, reply));

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

  app.register(importing, { prefix: '/import' });
  app.register(deletion);

  app.get<WithToken>('/:token', { config: { isLong: true } }, async (request, reply) => {
    const id = await findExportByToken(db, request.params.token);
    if (id === undefined) throw noSuchExport();
    return sendExport(reply, id);
  });
}

/** @param importError why an upload was refused */
async function showYourData(request: FastifyRequest, reply: FastifyReply, importError?: string) {
  const { db, config } = request.server;
  const { id } = currentUser(request);
  return reply.page('people/your-data', {
    title: 'Your data',
    dataExport: await findNewestExport(db, id),
    dataImport: await findNewestImport(db, id),
    importError,
    maxMb: MAX_IMPORT / 2 ** 20,
    limits: config.rateLimitsEnabled ? config.rateLimits : undefined,
  });
}

/** Where people import an export from another site. */
async function importing(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;
  const limits = { fileSize: MAX_IMPORT, files: 1, fields: 0, parts: 1, headerPairs: 10 };
  await app.register(multipart, { limits });
  app.addHook('onRequest', requireUser);

  const uploading = {
    onRequest: requirePermission(Permission.WRITE),
    // A slow connection needs longer than other requests may take.
    config: { limit: 'import', isLong: true },
  } as const;
  app.post('/', uploading, async (request, reply) => {
    const { file, error } = await readUpload(request, MAX_IMPORT, 'Choose a zip file.');
    if (file === undefined) return showYourData(request, reply.code(422), error);
    try {
      await requestImport({ db, queue }, currentUser(request).id, file);
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'import-underway') throw error;
      await sessionOf(request).warn(error.message);
    }
    return reply.redirect('/your-data', 303);
  });
}

const DeletionForm = Type.Object({ texts: Type.Enum(['delete', 'keep']) });

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
