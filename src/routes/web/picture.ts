import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Permission } from '../../domain/accounts/roles.ts';
import { findOwnPicture } from '../../domain/pictures/find.ts';
import { FAULT_MESSAGES, MAX_UPLOAD } from '../../domain/pictures/picture.ts';
import { removeOwnPicture } from '../../domain/pictures/remove.ts';
import { uploadPicture } from '../../domain/pictures/upload.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { readUpload } from './read-upload.ts';

const PATH = '/edit-profile/picture';

/** Where people upload or remove their picture. */
export default async function picture(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;
  const limits = { fileSize: MAX_UPLOAD, files: 1, fields: 0, parts: 1, headerPairs: 10 };
  await app.register(multipart, { limits });
  app.addHook('onRequest', requireUser);

  app.get('/', (request, reply) => show(request, reply));

  const uploading = {
    onRequest: requirePermission(Permission.WRITE),
    // A slow connection needs longer than other requests may take.
    config: { limit: 'picture', isLong: true },
  } as const;
  app.post('/', uploading, async (request, reply) => {
    const { id } = currentUser(request);
    const { file, error } = await readUpload(request, MAX_UPLOAD);
    if (file === undefined) return show(request, reply.code(422), error);
    await uploadPicture({ db, queue }, id, file);
    return reply.redirect(PATH, 303);
  });

  app.post('/remove', { config: { limit: 'profile' } }, async (request, reply) => {
    await removeOwnPicture(db, currentUser(request).id);
    await sessionOf(request).flash('Your picture has been removed.');
    return reply.redirect(PATH, 303);
  });
}

/** @param error why an upload was refused */
async function show(request: FastifyRequest, reply: FastifyReply, error?: string) {
  const { fault, ...own } = await findOwnPicture(request.server.db, currentUser(request).id);
  return reply.page('people/picture', {
    title: 'Your picture',
    own,
    error: error ?? (fault ? FAULT_MESSAGES[fault] : undefined),
  });
}
