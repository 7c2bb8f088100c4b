import type { FastifyReply, FastifyRequest, onRequestHookHandler, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { READING_METHODS } from '../http-methods.ts';
import type { Flight, PageCache } from '../page-cache/cache.ts';
import type { Representation } from '../representation.ts';
import { offerSpeculation } from './page.ts';
import { placeFrom, queryOf } from './params.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Marks a page that looks the same to all who have no session, and says what it is about, in the words that
     * changes are announced in: `home`, or with a parameter of its path, `post:{id}`, `user:{username}`. Nobody
     * announces `sitemap`: it is seen when it is too old. Of its query, only the place in a list may matter.
     */
    sharedPageAbout?: string;
  }
  interface FastifyRequest {
    /** The rendering that this request does for others as well. */
    flight: Flight | undefined;
  }
}

/**
 * Renders a page that looks the same to many once, for all who have no session. Who has one, signed in or not, gets
 * pages of their own: so nobody sees another's page, and nobody misses a change of theirs. Feeds know no sessions.
 */
export default fp(
  async (app) => {
    app.decorateRequest('flight', undefined);
    app.addHook('onRoute', (route) => share(route, app.pageCache));
  },
  { name: 'shared-pages', dependencies: ['page-cache', 'text-responses'] },
);

/** Lets a route answer with a page that is kept, or that is being rendered already. */
function share(route: RouteOptions, cache: PageCache): void {
  const about = route.config?.sharedPageAbout;
  if (about === undefined) return;
  const find: onRequestHookHandler = (request, reply, done) => {
    if (request.session?.isKnown || !READING_METHODS.has(request.method)) return done();
    const address = addressOf(request);
    const page = cache.find(address);
    if (page !== undefined) return answer(request, reply, page);
    const flight = cache.flightTo(address);
    if (flight !== undefined) {
      flight.landed.then((landed) => (landed === undefined ? done() : answer(request, reply, landed)));
      return;
    }
    request.flight = cache.begin(subjectOf(about, request.params), address);
    done();
  };
  route.onRequest = [route.onRequest ?? [], find].flat();
}

/** Of the query only the place in a list counts, so that nobody can fill the cache with one page under many addresses. */
function addressOf({ url, query }: FastifyRequest): string {
  const end = url.indexOf('?');
  if (end === -1) return url;
  return url.slice(0, end) + queryOf(placeFrom(query));
}

function subjectOf(about: string, params: unknown): string {
  return about.replace(/\{(\w+)\}/, (_, name) => String(Object(params)[name]).toLowerCase());
}

function answer(request: FastifyRequest, reply: FastifyReply, page: Representation): void {
  offerSpeculation(request, reply.headers(page.headers));
  const chosen = page.choose(request, reply);
  if (chosen instanceof Promise)
    chosen.then(
      (packed) => reply.send(packed),
      (error) => reply.send(error),
    );
  else reply.send(chosen);
}
