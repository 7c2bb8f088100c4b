import { buffer } from 'node:stream/consumers';
import type {
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  onSendHookHandler,
  RouteOptions,
} from 'fastify';
import fp from 'fastify-plugin';
import { LRUCache } from 'lru-cache';
import { SAFE_METHODS } from '../http/methods.ts';
import { encodingFor } from './compression.ts';
import { unlessKnown } from './conditional-get.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the page is the same for everyone without a session. */
    isShared?: boolean;
  }
  interface FastifyRequest {
    /** Set while other requests may wait for this one's page. Call it with the page, or without one to let them render. */
    endRendering: ((page?: CachedPage) => void) | undefined;
  }
}

interface CachedPage {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** A page, or the in-flight request for it. */
type Cache = LRUCache<string, CachedPage | Promise<CachedPage | undefined>>;

/** Query parameters that a shared page may depend on. Their values are numbers. */
const PARAMETERS = ['page', 'before', 'after'];

/** Headers that belong to the page. All others belong to a single response. */
const SHARED_HEADERS = [
  'content-type',
  'content-encoding',
  'cache-control',
  'last-modified',
  'etag',
  'vary',
] as const;

/** Memory of a page besides its body, in bytes. */
const OVERHEAD = 1024;

/**
 * Caches pages that are the same for everyone without a session, for `config.pageCache.maxAgeMs`. Concurrent requests for
 * the same page render it once. This process's own changes empty the cache before their response; those of other processes
 * show when the page expires. A visitor with a session never gets a cached page, so nobody sees someone else's page, and
 * everyone sees their own changes. See ADR 10.
 */
export default fp(
  async (app) => {
    app.decorateRequest('endRendering', undefined);
    const { maxAgeMs, maxBytes } = app.config.pageCache;
    if (maxAgeMs === 0) return;
    const cache: Cache = new LRUCache({
      ttl: maxAgeMs,
      maxSize: maxBytes,
      sizeCalculation: (entry) => OVERHEAD + (entry instanceof Promise ? 0 : entry.body.length),
    });
    app.addHook('onRoute', (route) => {
      if (route.config?.isShared && route.method === 'GET') share(route, cache);
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      if (isChange(request, reply)) cache.clear();
      done(null, payload);
    });
  },
  {
    name: 'page-cache',
    dependencies: ['compression', 'conditional-get'],
    decorators: { fastify: ['config'] },
  },
);

/** Whether a logged-in user has changed something. What others can change, such as a password, is on no shared page. */
function isChange({ method, caller, session }: FastifyRequest, { statusCode }: FastifyReply): boolean {
  return !SAFE_METHODS.has(method) && statusCode < 400 && (caller ?? session?.user ?? null) !== null;
}

/** Makes a route respond from the cache and fill it. Its hooks run after compression, so it caches the final bytes. */
function share(route: RouteOptions, cache: Cache): void {
  const onRequest: onRequestHookHandler = (request, reply, done) => {
    if (request.session?.isKnown) return done();
    const key = keyOf(request);
    const found = cache.get(key);
    if (found === undefined) {
      request.endRendering = begin(cache, key);
      return done();
    }
    if (!(found instanceof Promise)) return send(reply, found);
    found.then((page) => (page === undefined ? done() : send(reply, page)));
  };
  route.onRequest = [route.onRequest ?? [], onRequest].flat();
  const onSend: onSendHookHandler = (request, reply, payload, done) => {
    const { endRendering } = request;
    if (endRendering === undefined) done(null, payload);
    else keep(request, reply, payload, endRendering).then((sent) => done(null, sent), done);
  };
  route.onSend = [route.onSend ?? [], onSend].flat();
}

/**
 * The page's key. Reduces the request to it, so that nothing else in one visitor's request can end up in another's page,
 * and extra parameters do not create more entries.
 */
function keyOf(request: FastifyRequest): string {
  const given = new Map(Object.entries(Object(request.query)));
  const query = PARAMETERS.flatMap((name) => {
    const value = given.get(name);
    const isPlain = typeof value === 'string' && /^-?\d{1,15}$/.test(value);
    return isPlain && !(name === 'page' && value === '1') ? [[name, value] as const] : [];
  });
  const encoding = encodingFor(request);
  request.query = Object.fromEntries(query);
  request.headers['accept-encoding'] = encoding;
  delete request.headers['x-no-compression'];
  return `${encoding} ${request.url.split('?', 1)[0]}?${query.join('&')}`;
}

/** Marks a page as being rendered. Its data must be read after this. */
function begin(cache: Cache, key: string): (page?: CachedPage) => void {
  const start = performance.now();
  const { promise, resolve } = Promise.withResolvers<CachedPage | undefined>();
  cache.set(key, promise, { start });
  return (page) => {
    // If the cache was emptied in the meantime, the page may be stale: only those already waiting get it.
    const isCurrent = cache.peek(key) === promise;
    if (isCurrent && page !== undefined) cache.set(key, page, { start });
    else if (isCurrent) cache.delete(key);
    resolve(page);
  };
}

/** Caches the response if it is a page. Returns what to send. */
async function keep(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  endRendering: (page?: CachedPage) => void,
): Promise<unknown> {
  if (reply.statusCode !== 200 || reply.hasHeader('set-cookie')) {
    endRendering();
    return payload;
  }
  try {
    const body = await bytesOf(payload);
    endRendering({ body, headers: sharedHeadersOf(reply) });
    return unlessKnown(request, reply, body);
  } catch (error) {
    endRendering();
    throw error;
  }
}

async function bytesOf(payload: unknown): Promise<Buffer> {
  if (isStream(payload)) return buffer(payload);
  return Buffer.isBuffer(payload) ? payload : Buffer.from(String(payload));
}

/** The compressor streams large pages. */
function isStream(payload: unknown): payload is AsyncIterable<Buffer> {
  return typeof payload === 'object' && payload !== null && Symbol.asyncIterator in payload;
}

function sharedHeadersOf(reply: FastifyReply): CachedPage['headers'] {
  return Object.fromEntries(
    SHARED_HEADERS.flatMap((name) => (reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [])),
  );
}

function send(reply: FastifyReply, { headers, body }: CachedPage): void {
  reply.headers(headers).send(body);
}
