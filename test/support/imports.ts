import { buffer } from 'node:stream/consumers';
import type { LightMyRequestResponse } from 'fastify';
import { ZipFile } from 'yazl';
import type { Client } from './client.ts';

/** Makes a zip file. Anything but text and bytes is written as JSON. */
export async function zip(files: Record<string, unknown>): Promise<Buffer<ArrayBuffer>> {
  const archive = new ZipFile();
  for (const [name, content] of Object.entries(files)) {
    const isReady = typeof content === 'string' || Buffer.isBuffer(content);
    archive.addBuffer(Buffer.from(isReady ? content : JSON.stringify(content)), name);
  }
  archive.end();
  return Buffer.from(await buffer(archive.outputStream));
}

/** A post as an export has it. */
export function exportedPost(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    timestamp: '2019-03-01T12:00:00.000Z',
    edited: null,
    title: null,
    body: 'Hello',
    tags: [],
    ...changes,
  };
}

/** Sends the import form as a browser does. */
export async function sendImport(
  client: Client,
  file: Uint8Array<ArrayBuffer>,
): Promise<LightMyRequestResponse> {
  const form = new FormData();
  form.append('file', new Blob([file]), file.length === 0 ? '' : 'pennypost.zip');
  const body = new Response(form);
  const headers = { 'content-type': body.headers.get('content-type') ?? '' };
  return client.post('/your-data/import', {}, { payload: Buffer.from(await body.arrayBuffer()), headers });
}
