import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import files from '@fastify/static';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** The path of a file in `public/`, with a hash of its content in its name. Throws if there is no such file. */
    assetPath(name: string): string;
    /** The hashed names of the files in `public/`, by plain name. */
    assetManifest: ReadonlyMap<string, string>;
  }
}

const FOLDER = join(import.meta.dirname, '..', '..', 'public');

/** Provides `app.assetPath`, and `reply.sendFile` for files in `public/`. */
export default fp(
  async (app) => {
    const manifest = new Map(await Promise.all((await readdir(FOLDER)).map(nameWithHash)));
    app.decorate('assetManifest', manifest);
    app.decorate('assetPath', (name) => {
      const hashedName = manifest.get(name);
      if (hashedName === undefined) throw new Error(`there is no public/${name}`);
      return `/assets/${hashedName}`;
    });
    await app.register(files, {
      root: FOLDER,
      serve: false,
      // The routes set it.
      cacheControl: false,
      setHeaders: (reply, path) => {
        if (path.endsWith('speculation-rules.json')) reply.type('application/speculationrules+json');
      },
    });
  },
  { name: 'assets' },
);

async function nameWithHash(name: string): Promise<[name: string, hashedName: string]> {
  const hash = createHash('sha256')
    .update(await readFile(join(FOLDER, name)))
    .digest('hex')
    .slice(0, 12);
  const { name: stem, ext } = parse(name);
  return [name, `${stem}.${hash}${ext}`];
}
