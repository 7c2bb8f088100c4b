import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, parse } from 'node:path';
import fp from 'fastify-plugin';
import { DomainError } from '../errors.ts';
import { Representation } from './representation.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The path of a file of `public/`, with a hash of its content in its name. @throws Error when there is none */
    assetPath(name: string): string;
    /** Answers with a file of `public/`, by its name with or without a hash. @throws DomainError `not-found` */
    sendAsset(
      request: FastifyRequest,
      reply: FastifyReply,
      name: string,
    ): FastifyReply | Promise<FastifyReply>;
  }
}

interface Asset {
  readonly content: Representation;
  readonly type: string;
  readonly hashedName: string;
}

const FOLDER = join(import.meta.dirname, '..', '..', 'public');

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.ico': 'image/vnd.microsoft.icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/speculationrules+json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** These are packed already. */
const PACKED = new Set(['.ico', '.png']);

const CACHE_CONTROL = {
  /** A name with a hash is of this content only. */
  hashed: 'public, max-age=31536000, immutable',
  /** For addresses that stand elsewhere, such as in a manifest. */
  plain: 'public, max-age=3600',
  /** A page of another version asks, in the middle of a deployment: this version's file is the nearest there is. */
  foreign: 'no-cache',
} as const;

/** `app.assetPath` and `app.sendAsset`: `public/`, which is small, from memory. */
export default fp(
  async (app) => {
    const assets = await readAssets();
    app.decorate('assetPath', (name) => {
      const asset = assets.get(name);
      if (asset === undefined) throw new Error(`there is no public/${name}`);
      return `/assets/${asset.hashedName}`;
    });
    app.decorate('sendAsset', async (request, reply, name) => {
      const plainName = name.replace(/\.[0-9a-f]{12}(?=\.\w+$)/, '');
      const asset = assets.get(plainName);
      if (asset === undefined) throw new DomainError('not-found', 'There is no such file.');
      const isHashed = name === asset.hashedName;
      const caching = isHashed ? 'hashed' : name === plainName ? 'plain' : 'foreign';
      reply
        .type(asset.type)
        .header('cache-control', CACHE_CONTROL[caching])
        .header('vary', 'accept-encoding');
      return reply.send(await asset.content.choose(request, reply));
    });
  },
  { name: 'assets' },
);

async function readAssets(): Promise<Map<string, Asset>> {
  const names = await readdir(FOLDER);
  return new Map(await Promise.all(names.map(async (name) => [name, await readAsset(name)] as const)));
}

async function readAsset(fileName: string): Promise<Asset> {
  const bytes = await readFile(join(FOLDER, fileName));
  const extension = extname(fileName);
  const type = TYPES[extension];
  if (type === undefined) throw new Error(`public/${fileName}: its type is not known`);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  return {
    content: new Representation(bytes, PACKED.has(extension) ? 'none' : 'most'),
    type,
    hashedName: `${parse(fileName).name}.${hash}${extension}`,
  };
}
