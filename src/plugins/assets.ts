import { hash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import send from '@fastify/send';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** The path of a file in `public/`, with a hash of its content in its name. Throws if there is no such file. */
    assetPath(name: string): string;
    /** The hashed names of the files in `public/`, by plain name. */
    assetManifest: ReadonlyMap<string, string>;
    /** Responds with a file in `public/`, by plain name. Answers conditional and range requests. */
    sendAsset(request: FastifyRequest, reply: FastifyReply, name: string): Promise<FastifyReply>;
  }
}

const FOLDER = join(import.meta.dirname, '..', '..', 'public');

/** Provides `app.assetPath` and `app.sendAsset` for files in `public/`. */
export default fp(
  async (app) => {
    const manifest = new Map(await Promise.all((await readdir(FOLDER)).map(nameWithHash)));
    app.decorate('assetManifest', manifest);
    app.decorate('assetPath', (name) => {
      const hashedName = manifest.get(name);
      if (hashedName === undefined) throw new Error(`there is no public/${name}`);
      return `/assets/${hashedName}`;
    });
    app.decorate('sendAsset', async (request, reply, name) => {
      // The routes set Cache-Control.
      const { statusCode, headers, stream } = await send(request.raw, name, {
        root: FOLDER,
        cacheControl: false,
      });
      reply.code(statusCode).headers(headers);
      if (name === 'speculation-rules.json') reply.type('application/speculationrules+json');
      return reply.send(stream);
    });
  },
  { name: 'assets' },
);

async function nameWithHash(name: string): Promise<[name: string, hashedName: string]> {
  const digest = hash('sha256', await readFile(join(FOLDER, name))).slice(0, 12);
  const { name: stem, ext } = parse(name);
  return [name, `${stem}.${digest}${ext}`];
}
