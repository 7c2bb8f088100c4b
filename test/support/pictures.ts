import type { LightMyRequestResponse } from 'fastify';
import decode from '../../src/domain/pictures/decode.ts';
import type { RenderPicture } from '../../src/domain/pictures/picture.ts';
import type { Client } from './client.ts';

/** Uploads files as a browser's form does. Without files, like a browser whose visitor has chosen none. */
export async function upload(
  client: Client,
  ...files: readonly Uint8Array<ArrayBuffer>[]
): Promise<LightMyRequestResponse> {
  const form = new FormData();
  for (const file of files) form.append('file', new Blob([file]), 'me.jpg');
  if (files.length === 0) form.append('file', new Blob([]), '');
  const body = new Response(form);
  const headers = { 'content-type': body.headers.get('content-type') ?? '' };
  return client.post(
    '/edit-profile/picture',
    {},
    { payload: Buffer.from(await body.arrayBuffer()), headers },
  );
}

/** Renders pictures on this thread, for as long as it takes. */
export const renderPicture: RenderPicture = (content, purpose) =>
  decode({ upload: content, purpose }, new AbortController());
