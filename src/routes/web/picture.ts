import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { PictureFault } from '../../database/schema.ts';
import { Permission } from '../../domain/accounts/roles.ts';
import { findOwnPicture } from '../../domain/pictures/find.ts';
import { MAX_PIXELS, MAX_SIDE, MAX_UPLOAD } from '../../domain/pictures/picture.ts';
import { removeOwnPicture } from '../../domain/pictures/remove.ts';
import { uploadPicture } from '../../domain/pictures/upload.ts';
import { Busy } from '../../errors.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { requirePermission, requireUser } from '../guards.ts';

/** Uploads that a process reads at once, each of another person. They are in memory. */
const MAX_AT_ONCE = 10;

const PATH = '/edit-profile/picture';
const TOO_BIG = `This file is too big. Choose one of at most ${MAX_UPLOAD / 2 ** 20} MB.`;
const INCOMPLETE = 'Your file did not arrive. Please try again.';
const MESSAGES: Readonly<Record<PictureFault, string>> = {
  unreadable: 'This file could not be read. Choose a JPEG, PNG, WebP or AVIF picture.',
  'too-large': `This picture is too large. Choose one of at most ${MAX_PIXELS / 1e6} megapixels, and ${MAX_SIDE.toLocaleString('en')} pixels wide and high.`,
  'too-slow': 'This picture takes too long to read. Choose another one.',
};

/** Where people upload or remove their picture. */
export default async function picture(app: FastifyInstance): Promise<void> {
  const { db, queue } = app;
  const limits = { fileSize: MAX_UPLOAD, files: 1, fields: 0, parts: 1, headerPairs: 10 };
  await app.register(multipart, { limits });
  app.addHook('onRequest', requireUser);
  const uploaders = new Set<number>();

  app.get('/', (request, reply) => show(request, reply));

  const uploading = {
    onRequest: requirePermission(Permission.WRITE),
    // A slow connection needs longer than other requests may take.
    config: { limit: 'picture', isLong: true },
  } as const;
  app.post('/', uploading, async (request, reply) => {
    const { id } = currentUser(request);
    if (uploaders.size === MAX_AT_ONCE || uploaders.has(id)) throw new Busy();
    uploaders.add(id);
    const { file, error } = await readFile(request).finally(() => uploaders.delete(id));
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
    error: error ?? (fault ? MESSAGES[fault] : undefined),
  });
}

/** Reads the uploaded file into memory, or finds out what is wrong with it. */
async function readFile(request: FastifyRequest): Promise<{ file?: Buffer; error?: string }> {
  // The parser would wait for ever for a connection that closed while the session was read.
  if (!request.isMultipart() || request.raw.destroyed) return { error: INCOMPLETE };
  try {
    const file = await (await request.file())?.toBuffer();
    return file?.length ? { file } : { error: 'Choose a picture.' };
  } catch (error) {
    const isTooBig = error instanceof request.server.multipartErrors.RequestFileTooLargeError;
    request.log.info({ err: error }, 'upload refused');
    return { error: isTooBig ? TOO_BIG : INCOMPLETE };
  }
}
