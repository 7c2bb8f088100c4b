import { buffer } from 'node:stream/consumers';
import type {
  FastifyReply,
  FastifyRequest,
  onRequestHookHandler,
  onSendHookHandler,
  RouteOptions,
} from 'fastify';
import fp from 'fastify-plugin';
import fresh from 'fresh';
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
    /** Set while other requests may wait for this one's page. */
    rendering: Rendering | undefined;
  }
}

interface CachedPage {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** All headers of the response as alternating names and values, which Node writes fastest. Undefined for a stale page. */
  readonly lines?: readonly string[];
  /** When its data was read, on the clock of `performance.now()`. */
  readonly readAt: number;
  /** The same, or when reading it again last failed because the database was unavailable. */
  readonly checkedAt: number;
}

/** A page that is being rendered, for the requests that wait for it. */
interface InFlight {
  readonly page: Promise<CachedPage | undefined>;
  readonly checkedAt: number;
  /** The previous page, in case the database is unavailable. */
  readonly before: CachedPage | undefined;
}

interface Rendering {
  readonly startedAt: number;
  /** Gives the page to the waiting requests; without one, they render it themselves. */
  end(page?: CachedPage): void;
  /** Gives the previous page, unless it is too old, to the waiting requests and to everyone for the next `maxAgeMs`. Returns it. */
  fallBack(): CachedPage | undefined;
}

interface Cache {
  readonly entries: LRUCache<string, CachedPage | InFlight>;
  /** When a logged-in user last changed something, or a setting of the site changed. Pages read before are only for outages. */
  readonly changedAt: number;
}

/** Query parameters that a shared page may depend on. Their values are numbers. */
const PARAMETERS = ['page', 'before', 'after'];

/** Headers that belong to the page. All others belong to one response. */
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
 * Caches pages that are the same for everyone without a session, for `config.pageCache.maxAgeMs`. Concurrent requests for the same
 * page render it once. This process's own changes invalidate the cache before their response; other processes' changes show when
 * the page expires. Visitors with a session never get a cached page, so nobody sees someone else's page, and everyone sees their
 * own changes. While the database is unavailable, pages are shown up to an age of `maxStaleMs`. See ADR 10.
 */
export default fp(
  async (app) => {
    app.decorateRequest('rendering', undefined);
    const { maxAgeMs, maxStaleMs, maxBytes } = app.config.pageCache;
    if (maxAgeMs === 0) return;
    const entries: Cache['entries'] = new LRUCache({
      ttl: maxAgeMs,
      noDeleteOnStaleGet: true,
      maxSize: maxBytes,
      sizeCalculation: (entry) => OVERHEAD + ('body' in entry ? entry.body.length : 0),
    });
    let changedAt = -Infinity;
    const cache: Cache = {
      entries,
      get changedAt() {
        return Math.max(changedAt, app.site.changedAt);
      },
    };
    app.addHook('onRoute', (route) => {
      if (route.config?.isShared && route.method === 'GET') share(route, cache, maxStaleMs);
    });
    app.addHook('onSend', (request, reply, payload, done) => {
      if (isChange(request, reply)) changedAt = performance.now();
      done(null, payload);
    });
  },
  {
    name: 'page-cache',
    dependencies: ['compression', 'conditional-get', 'security-headers', 'site'],
    decorators: { fastify: ['config'] },
  },
);

/** Whether a logged-in user has changed something. Nothing that others can change, such as a password, is on a shared page. */
function isChange({ method, caller, session }: FastifyRequest, { statusCode }: FastifyReply): boolean {
  return !SAFE_METHODS.has(method) && statusCode < 400 && (caller ?? session?.user ?? null) !== null;
}

/** Makes a route fill the cache and respond from it. Its hooks run after compression, so the final bytes are cached. */
function share(route: RouteOptions, cache: Cache, maxStaleMs: number): void {
  const onRequest: onRequestHookHandler = (request, reply, done) => {
    if (request.session?.isKnown) return done();
    const key = keyOf(request);
    const found = cache.entries.get(key);
    if (found === undefined || found.checkedAt <= cache.changedAt) {
      request.rendering = begin(cache, key, maxStaleMs);
      return done();
    }
    if (!('body' in found)) found.page.then((page) => (page === undefined ? done() : send(reply, page)));
    else if (found.lines === undefined || fresh(request.headers, found.headers)) send(reply, found);
    else sendAtOnce(reply, found.lines, found.body);
  };
  route.onRequest = [route.onRequest ?? [], onRequest].flat();
  const onSend: onSendHookHandler = (request, reply, payload, done) => {
    const { rendering } = request;
    if (rendering === undefined) done(null, payload);
    else keep(request, reply, payload, rendering).then((sent) => done(null, sent), done);
  };
  route.onSend = [route.onSend ?? [], onSend].flat();
}

/**
 * The page's key. Strips everything else from the request, so that nothing in one visitor's request can get into another's page,
 * and extra parameters do not create more entries.
 */
function keyOf(request: FastifyRequest): string {
  const given: Readonly<Record<string, unknown>> = Object(request.query);
  const query = PARAMETERS.flatMap((name) => {
    const value = given[name];
    const isPlain = typeof value === 'string' && /^-?\d{1,15}$/.test(value);
    return isPlain && !(name === 'page' && value === '1') ? [[name, value] as const] : [];
  });
  const encoding = encodingFor(request);
  request.query = Object.fromEntries(query);
  request.headers['accept-encoding'] = encoding;
  delete request.headers['x-no-compression'];
  return `${encoding} ${request.url.split('?', 1)[0]}?${query.join('&')}`;
}

/** Marks a page as being rendered. Call it before its data is read. */
function begin({ entries }: Cache, key: string, maxStaleMs: number): Rendering {
  const startedAt = performance.now();
  const { promise, resolve } = Promise.withResolvers<CachedPage | undefined>();
  const found = entries.get(key, { allowStale: true });
  const before = found === undefined || 'body' in found ? found : found.before;
  const inFlight: InFlight = { page: promise, checkedAt: startedAt, before };
  entries.set(key, inFlight, { ttl: 0 }); // It lasts until its request ends, which has a deadline.
  const end = (page?: CachedPage) => {
    // After a change in the meantime, another request may already be rendering it again.
    const isCurrent = entries.peek(key) === inFlight;
    if (isCurrent && page !== undefined) entries.set(key, page, { start: page.checkedAt });
    else if (isCurrent) entries.delete(key);
    resolve(page);
  };
  return {
    startedAt,
    end,
    fallBack() {
      const isGood = before !== undefined && startedAt - before.readAt <= maxStaleMs;
      const page = isGood ? aged(before) : undefined;
      end(page);
      return page;
    },
  };
}

/** The page as it is shown while the database is unavailable. */
function aged({ body, headers, readAt }: CachedPage): CachedPage {
  const now = performance.now();
  const age = String(Math.round((now - readAt) / 1000));
  return { body, headers: { ...headers, age }, readAt, checkedAt: now };
}

/** Caches a page, or replaces the response by the previous page if the database was unavailable. Returns what to send. */
async function keep(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  rendering: Rendering,
): Promise<unknown> {
  if (reply.statusCode === 503) {
    const page = rendering.fallBack();
    return page === undefined ? payload : replaceBy(request, reply, page);
  }
  if (reply.statusCode !== 200 || reply.hasHeader('set-cookie')) {
    rendering.end();
    return payload;
  }
  try {
    const body = await bytesOf(payload);
    rendering.end(pageOf(reply, body, rendering.startedAt));
    return unlessKnown(request, reply, body);
  } catch (error) {
    rendering.end();
    throw error;
  }
}

/** Responds with an older page instead of an error. */
function replaceBy(request: FastifyRequest, reply: FastifyReply, { body, headers }: CachedPage) {
  for (const name of [...SHARED_HEADERS, 'retry-after']) reply.removeHeader(name);
  reply.code(200).headers(headers);
  return unlessKnown(request, reply, body);
}

/** Returns a copy, because small buffers are slices of large ones, which would stay in memory. */
async function bytesOf(payload: unknown): Promise<Buffer> {
  const whole = isStream(payload) ? await buffer(payload) : payload;
  const bytes = Buffer.isBuffer(whole) ? whole : Buffer.from(String(whole));
  return Buffer.from(new Uint8Array(bytes).buffer);
}

/** The compressor streams large pages. */
function isStream(payload: unknown): payload is AsyncIterable<Buffer> {
  return typeof payload === 'object' && payload !== null && Symbol.asyncIterator in payload;
}

function pageOf(reply: FastifyReply, body: Buffer, readAt: number): CachedPage {
  const headers = Object.fromEntries(
    SHARED_HEADERS.flatMap((name) => (reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [])),
  );
  const all = { ...reply.server.securityHeaders, ...headers, 'content-length': body.length };
  return { body, headers, lines: Object.entries(all).flat().map(String), readAt, checkedAt: readAt };
}

function send(reply: FastifyReply, { headers, body }: CachedPage): void {
  reply.headers(headers).send(body);
}

/** Sends a page with the headers that earlier hooks set. Skips the onSend hooks, which would be half of the work. */
function sendAtOnce(reply: FastifyReply, lines: readonly string[], body: Buffer): void {
  const own = Object.entries(reply.getHeaders()).flat().map(String);
  reply.hijack();
  reply.raw.writeHead(200, [...lines, ...own]).end(body);
}
