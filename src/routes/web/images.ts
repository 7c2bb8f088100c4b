import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { findImageFile, type ImageFile, listImages, type OwnImage } from '../../domain/images/find.ts';
import {
  imageMarkdown,
  KEY_PATTERN,
  largestFilePath,
  MAX_ALT_LENGTH,
  MAX_IMAGE_UPLOAD,
} from '../../domain/images/image.ts';
import { drawPlaceholder } from '../../domain/images/placeholder.ts';
import { removeImage } from '../../domain/images/remove.ts';
import { uploadImage, usedBytes } from '../../domain/images/upload.ts';
import { FAULT_MESSAGES } from '../../domain/pictures/picture.ts';
import { DomainError, noSuch } from '../../errors.ts';
import { wantsJson } from '../../plugins/errors.ts';
import { EMPTY_FORM, type FormState } from '../../plugins/web/forms.ts';
import { currentUser, sessionOf } from '../../plugins/web/session.ts';
import { FOREVER } from '../avatars.ts';
import { requirePermission, requireUser } from '../guards.ts';
import { paginate } from './pagination.ts';
import { placeFrom } from './params.ts';
import { readUpload } from './read-upload.ts';

const ImageForm = Type.Object({
  alt: Type.String({ maxLength: MAX_ALT_LENGTH }),
  decorative: Type.Boolean(),
});

/** Images per page of the list. */
const PAGE_SIZE = 24;

/** Images in posts: their files, and where people upload and delete their own. */
export default async function images(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { key: string; width: string } }>(
    `/:key(${KEY_PATTERN})/:width(^\\d{1,4}).webp`,
    // Few files depend on the session.
    { config: { opensSessionLater: true } },
    async (request, reply) => {
      const { key, width } = request.params;
      // From the primary, because a replica may not have a new image yet.
      const file = await findImageFile(app.db, key, Number(width));
      if (!file.isPublic) await requireMaySee(request, file);
      return sendFile(reply, file);
    },
  );

  app.get<{ Params: { key: string } }>(
    `/:key(${KEY_PATTERN})`,
    { config: { opensSessionLater: true } },
    async (request, reply) => reply.redirect(largestFilePath(request.params.key), 302),
  );

  app.register(ownImages);
}

/** Only its owner and moderators may see an image that no public post shows. */
async function requireMaySee(request: FastifyRequest, { ownerId }: ImageFile): Promise<void> {
  const session = sessionOf(request);
  await session.open();
  const { user } = session;
  if (user?.id !== ownerId && !can(user, Permission.MODERATE)) throw noSuch('image');
}

function sendFile(reply: FastifyReply, { content, fault, isPublic, width, height }: ImageFile) {
  if (content === null) {
    const text = fault === null ? 'This image is being prepared.' : 'This image could not be read.';
    return reply
      .header('cache-control', 'no-store')
      .type('image/svg+xml')
      .send(drawPlaceholder({ width, height }, text));
  }
  reply.header('cache-control', isPublic ? FOREVER : 'private, no-store');
  // Feed readers on other sites show the image too.
  if (isPublic) reply.header('cross-origin-resource-policy', 'cross-origin');
  return reply.type('image/webp').send(content);
}

async function ownImages(app: FastifyInstance): Promise<void> {
  const { db, queue, config } = app;
  const limits = {
    fileSize: MAX_IMAGE_UPLOAD,
    files: 1,
    fields: 2,
    parts: 3,
    fieldSize: 8 * MAX_ALT_LENGTH,
    headerPairs: 10,
  };
  await app.register(multipart, { limits });
  app.addHook('onRequest', requireUser);

  app.get('/', (request, reply) => show(request, reply, EMPTY_FORM));

  const uploading = {
    onRequest: requirePermission(Permission.WRITE),
    // A slow connection needs longer than other requests may take.
    config: { limit: 'image', isLong: true },
  } as const;
  app.post('/', uploading, async (request, reply) => {
    const stored = await store(request);
    if ('key' in stored) {
      if (wantsJson(request)) return reply.code(201).send({ markdown: imageMarkdown(stored) });
      await sessionOf(request).flash('Your image has been uploaded. Copy its Markdown into your post.');
      return reply.redirect('/images', 303);
    }
    const [message = ''] = Object.values(stored.errors);
    if (wantsJson(request)) throw new DomainError('unusable-image', message);
    return show(request, reply.code(422), stored);
  });

  app.post<{ Params: { key: string } }>(
    `/:key(${KEY_PATTERN})/delete`,
    { config: { limit: 'image' } },
    async (request, reply) => {
      await removeImage(db, currentUser(request).id, request.params.key);
      await sessionOf(request).flash('The image has been deleted.');
      return reply.redirect('/images', 303);
    },
  );

  /** Stores an uploaded image, or returns the form with what is wrong. */
  async function store(request: FastifyRequest): Promise<OwnImage | FormState> {
    const { file, fields, error } = await readUpload(request, MAX_IMAGE_UPLOAD);
    request.body = fields;
    const form = request.readForm(ImageForm);
    if (form.data === undefined) return form.state;
    if (file === undefined) return { values: form.state.values, errors: { file: error ?? '' } };
    const { alt, decorative } = form.data;
    if (alt === '' && !decorative) return form.refuse('alt', 'Describe the image, or mark it as decorative.');
    const upload = { ownerId: currentUser(request).id, alt: decorative ? '' : alt, content: file };
    try {
      return await uploadImage({ db, queue }, upload, config.imageQuotaMb * 2 ** 20);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { values: form.state.values, errors: { file: error.message } };
    }
  }
}

async function show(request: FastifyRequest, reply: FastifyReply, form: FormState) {
  const { db, config } = request.server;
  const { id } = currentUser(request);
  const place = placeFrom(request.query);
  const images = await listImages(db, id, { ...place, size: PAGE_SIZE });
  return reply.page('images', {
    title: 'Images',
    form,
    images: images.items.map(({ fault, ...image }) => ({
      ...image,
      markdown: imageMarkdown(image),
      fault: fault && FAULT_MESSAGES[fault],
    })),
    used: await usedBytes(db, id),
    quotaMb: config.imageQuotaMb,
    pagination: paginate(images, { path: '/images', place }),
  });
}
