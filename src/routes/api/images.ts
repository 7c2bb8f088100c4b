import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { Permission } from '../../domain/accounts/roles.ts';
import { runOnce } from '../../domain/idempotency.ts';
import { countImages, findOwnImage, listImages } from '../../domain/images/find.ts';
import { KEY_PATTERN, MAX_ALT_LENGTH, MAX_IMAGE_UPLOAD } from '../../domain/images/image.ts';
import { removeImage } from '../../domain/images/remove.ts';
import { uploadImage } from '../../domain/images/upload.ts';
import { tooBig } from '../../domain/pictures/picture.ts';
import { DomainError } from '../../errors.ts';
import { callerOf } from '../../plugins/api/authentication.ts';
import { requirePermission } from '../guards.ts';
import { linkPages, PageQuery, pageRequest } from './pages.ts';
import { presentImage } from './present.ts';
import { sendCreated, WithIdempotencyKey } from './repeatable.ts';
import { needs, noContent, refusals } from './requests.ts';
import { EXAMPLE_KEY, Image, ImagePage, paths, ref } from './resources.ts';

const tags = ['Images'];

/** Images per page. */
const PAGE_SIZE = 50;

const WithKey = Type.Object({ key: Type.String({ pattern: `^${KEY_PATTERN}$`, examples: [EXAMPLE_KEY] }) });

const listing = {
  tags,
  operationId: 'listImages',
  ...needs(),
  summary: 'List your images, newest first',
  querystring: PageQuery,
  response: { 200: ref(ImagePage, { description: 'A page of images.' }), ...refusals(400) },
};

const uploading = {
  tags,
  operationId: 'uploadImage',
  ...needs('WRITE'),
  summary: 'Upload an image',
  description: `Put its Markdown into your posts; other people’s posts do not show it. The file is the body: a JPEG, PNG, WebP, AVIF or GIF of at most ${MAX_IMAGE_UPLOAD / 2 ** 20} MB. We remove its metadata.`,
  consumes: ['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif'],
  headers: WithIdempotencyKey,
  querystring: Type.Object(
    {
      alt: Type.String({
        maxLength: MAX_ALT_LENGTH,
        pattern: '^[^\\u0000\\p{Cs}]*$',
        description: 'What the image shows, for people who cannot see it. Empty if it is decorative.',
        examples: ['A loaf'],
      }),
    },
    { additionalProperties: false },
  ),
  body: Type.Unsafe<unknown>({ description: 'The file.' }),
  response: {
    201: ref(Image, { description: 'The new image. Location has its path.' }),
    ...refusals(400, 409, 415, 422),
  },
};

const showing = {
  tags,
  operationId: 'getImage',
  ...needs(),
  summary: 'Get one of your images',
  params: WithKey,
  response: { 200: ref(Image, { description: 'The image.' }), ...refusals(404) },
};

const deleting = {
  tags,
  operationId: 'deleteImage',
  ...needs(),
  summary: 'Delete one of your images',
  description: 'Posts that show it will have its alternative text instead.',
  params: WithKey,
  response: noContent('Deleted.'),
};

const images: FastifyPluginAsyncTypebox = async (app) => {
  const { db } = app;
  app.register(uploads);

  app.get('/images/', { schema: listing }, async (request, reply) => {
    const { id } = callerOf(request);
    const page = await listImages(db, id, pageRequest(request.query, PAGE_SIZE));
    const counted = { ...page, total: await countImages(db, id) };
    return { images: page.items.map(presentImage), ...linkPages(reply, { path: paths.images }, counted) };
  });

  app.get('/images/:key', { schema: showing }, async (request) =>
    presentImage(await findOwnImage(db, callerOf(request).id, request.params.key)),
  );

  app.delete('/images/:key', { schema: deleting }, async (request, reply) => {
    await removeImage(db, callerOf(request).id, request.params.key);
    return reply.code(204).send(null);
  });
};

export default images;

/** Routes whose requests have an image as their body instead of JSON. */
const uploads: FastifyPluginAsyncTypebox = async (app) => {
  const { db, queue, config } = app;
  acceptImages(app);

  app.post(
    '/images/',
    {
      schema: uploading,
      onRequest: requirePermission(Permission.WRITE),
      // A slow connection needs longer than other requests may take.
      config: { limit: 'image', isLong: true },
    },
    async (sent, reply) => {
      const { id: ownerId } = callerOf(sent);
      const content = Buffer.isBuffer(sent.body) ? sent.body : Buffer.alloc(0);
      const alt = sent.query.alt.trim();
      const request = {
        userId: ownerId,
        key: sent.headers['idempotency-key'],
        content: ['POST', paths.images, alt, createHash('sha256').update(content).digest('hex')],
      };
      const created = await runOnce(db, request, async (trx) =>
        presentImage(
          await uploadImage({ db: trx, queue }, { ownerId, alt, content }, config.imageQuotaMb * 2 ** 20),
        ),
      );
      return sendCreated(reply, created);
    },
  );
};

/** Reads whole files into memory, only a few at a time. */
function acceptImages(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^image\//, (request: FastifyRequest, payload: Readable) =>
    app.uploads.read({ accountId: callerOf(request).id, address: request.ip }, () => readAll(payload)),
  );
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  // The connection must stay open for the response.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_IMAGE_UPLOAD) throw new DomainError('unusable-image', tooBig(MAX_IMAGE_UPLOAD));
  }
  return Buffer.concat(chunks);
}
