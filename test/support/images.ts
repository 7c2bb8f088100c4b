import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import sharp from 'sharp';
import type { OwnImage } from '../../src/domain/images/find.ts';
import { uploadImage } from '../../src/domain/images/upload.ts';
import type { Client } from './client.ts';

/** Enough of a file to be stored: a pixel wide and high. */
export const GIF_HEADER = 'GIF89a\u0001\0\u0001\0\0\0\0';

/** A picture without details, as PNG. */
export async function plainImage(width = 40, height = 30): Promise<Buffer<ArrayBuffer>> {
  const png = await sharp({ create: { width, height, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  return Buffer.from(png);
}

/** Stores an image like an upload. Its job waits. */
export async function storeImage(
  { db, queue }: FastifyInstance,
  ownerId: number,
  alt = 'A cat',
): Promise<OwnImage> {
  return uploadImage({ db, queue }, { ownerId, alt, content: await plainImage() }, 2 ** 30);
}

/** Sends the upload form as a browser does. */
export async function sendImage(
  client: Client,
  file: Uint8Array<ArrayBuffer>,
  fields: Record<string, string> = { alt: 'A cat' },
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  const form = new FormData();
  form.append('file', new Blob([file]), 'cat.png');
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const body = new Response(form);
  const contentType = body.headers.get('content-type') ?? '';
  const payload = Buffer.from(await body.arrayBuffer());
  return client.post('/images', {}, { payload, headers: { 'content-type': contentType, ...headers } });
}
