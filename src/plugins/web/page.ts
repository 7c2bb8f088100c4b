import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { can, Permission } from '../../domain/accounts/roles.ts';
import { excerptOf } from '../../domain/posts/excerpt.ts';
import type { SessionUser } from '../../domain/sessions/find.ts';
import { type FragmentData, Fragments } from '../../http/fragments.ts';
import { sessionOf } from './session.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with a page of `views/`, in the site's layout, with the messages left for it. */
    page(view: string, data: PageData): Promise<FastifyReply>;
  }
}

interface PageData extends Record<string, unknown> {
  /** What tells this page from all others. */
  readonly title: string;
  /** What is said of the page where it is found or shared; without it, search engines are asked to leave it out. */
  readonly meta?: PageMeta;
}

export interface PageMeta {
  readonly description: string;
  /** The one address of what the page shows. */
  readonly path: string;
  /** Of the Open Graph protocol; `website` unless said otherwise. */
  readonly type?: 'article' | 'profile';
  /** What follows the page, by its path without the ending. */
  readonly feeds?: readonly { readonly title: string; readonly path: string }[];
  /** What the page is, in the words of schema.org. */
  readonly jsonLd?: object;
}

/** `reply.page`. */
export default fp(
  async (app) => {
    const fragments = new Fragments((template, data) => app.renderPart(template, { ...data, ...HELPERS }));
    const fragment = (template: string, data: FragmentData) => fragments.render(template, data);
    // Says which pages a browser may fetch while the reader still points at them. Who comes from another page of ours has
    // all else in the cache already.
    app.addHook('onRequest', ({ headers }, reply, done) => {
      if (headers['sec-fetch-site'] === 'same-origin') {
        reply.header('speculation-rules', `"${app.assetPath('speculation-rules.json')}"`);
      }
      done();
    });
    app.decorateReply('page', async function (view, data) {
      const { headers } = this.request;
      const session = sessionOf(this.request);
      // A page that is fetched ahead may never be seen: its messages wait.
      const isPrefetch = headers['sec-purpose']?.includes('prefetch');
      const messages = isPrefetch ? [] : await session.takeMessages();
      describePage(this.request, this);
      return this.view(view, {
        ...data,
        user: session.user,
        may: permissionsOf(session.user),
        messages,
        baseUrl: app.config.baseUrl,
        fragment,
        asset: app.assetPath,
        ...HELPERS,
      });
    });
  },
  { name: 'page', dependencies: ['views', 'session', 'assets'] },
);

/**
 * How caches may treat a page that is a signed-in person's, a visitor's own, or the same for all who have no session.
 * What is kept may be shown again by Back without being asked for, also after the person has logged out.
 */
const CACHE_CONTROL = {
  personal: 'private, no-store',
  own: 'private, no-cache',
  shared: 'public, max-age=0, s-maxage=2, stale-while-revalidate=8',
} as const;

function describePage(request: FastifyRequest, reply: FastifyReply): void {
  const session = sessionOf(request);
  const isShared = request.routeOptions.config.isShared === true && !session.isKnown;
  reply.header('vary', 'accept-encoding, cookie');
  if (reply.hasHeader('cache-control')) return;
  reply.header('cache-control', CACHE_CONTROL[isShared ? 'shared' : session.user ? 'personal' : 'own']);
}

/** What the visitor may do, for pages to offer only that. */
function permissionsOf(user: SessionUser | null) {
  return {
    follow: can(user, Permission.FOLLOW),
    comment: can(user, Permission.COMMENT),
    write: can(user, Permission.WRITE),
    moderate: can(user, Permission.MODERATE),
    administer: can(user, Permission.ADMIN),
  };
}

const DATE_AND_TIME = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'short',
  timeZone: 'UTC',
});

const HELPERS = {
  excerpt: excerptOf,
  /** A moment as HTML: for a person in words, for a program exactly. */
  time: (moment: Date) =>
    `<time datetime="${moment.toISOString()}">${DATE_AND_TIME.format(moment)} UTC</time>`,
  /** A size in bytes, for a person. */
  bytes: (bytes: number) =>
    bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 2 ** 20).toFixed(1)} MB`,
  /** A span of time in seconds, for a person. */
  span: (seconds: number) => {
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
  },
  /** A count with its noun. */
  counted: (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`,
};
