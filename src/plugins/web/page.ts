import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { MAX_COUNTED } from '../../domain/likes/list.ts';
import { excerptOf } from '../../domain/posts/excerpt.ts';
import { pathOfPost } from '../../domain/posts/path.ts';
import { pathOfTag } from '../../domain/tags/name.ts';
import { Fragments } from '../../http/fragments.ts';
import { bellOf } from './bell.ts';
import { permissionsOf } from './permissions.ts';
import { sessionOf } from './session.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** Responds with a page from `views/` in the site's layout, with any messages for the visitor. */
    page(view: string, data: PageData): Promise<FastifyReply>;
  }
}

interface PageData extends Record<string, unknown> {
  /** Distinguishes the page from all others. */
  readonly title: string;
  /** Metadata for search engines and link previews. Without it, the page is not indexed. */
  readonly meta?: PageMeta;
  /** The ids of the elements next to which the page can show messages; see `Message`. */
  readonly places?: ReadonlySet<string>;
}

export interface PageMeta {
  readonly description: string;
  /** The canonical path. */
  readonly path: string;
  /** The Open Graph type; `website` by default. */
  readonly type?: 'article' | 'profile';
  /** The path of an image for link previews; the site's icon by default. */
  readonly image?: string;
  /** The page's feeds, by path without extension. */
  readonly feeds?: readonly { readonly title: string; readonly path: string }[];
  /** Structured data from schema.org's vocabulary. */
  readonly jsonLd?: object;
}

/** Provides `reply.page`. */
export default fp(
  async (app) => {
    const fragments = new Fragments((template, data) => app.renderPart(template, { ...data, ...HELPERS }));
    const fragment = fragments.render.bind(fragments);
    // The rules let browsers prefetch a page when its link is hovered over. They are only sent to visitors who come from another
    // page of the site, whose browsers have cached the assets.
    app.addHook('onRequest', ({ headers }, reply, done) => {
      if (headers['sec-fetch-site'] === 'same-origin') {
        reply.header('speculation-rules', `"${app.assetPath('speculation-rules.json')}"`);
      }
      done();
    });
    app.decorateReply('page', async function (view, data) {
      const { headers } = this.request;
      const session = sessionOf(this.request);
      // A prefetched page may never be seen, so the messages are kept for the next one.
      const isPrefetch = headers['sec-purpose']?.includes('prefetch');
      const messages = isPrefetch ? [] : await session.takeMessages();
      describePage(this.request, this);
      const may = permissionsOf(session.user);
      return this.view(view, {
        ...data,
        user: session.user,
        bell: bellOf(session.user),
        may,
        mailOutage: may.administer ? app.mailOutage.since : undefined,
        messages: messages.filter(({ at }) => at === undefined || !data.places?.has(at)),
        messagesAt: (place: string) => messages.filter(({ at }) => at === place),
        baseUrl: app.config.baseUrl,
        site: app.site.settings,
        fragment,
        asset: app.assetPath,
        ...HELPERS,
      });
    });
  },
  { name: 'page', dependencies: ['views', 'session', 'assets', 'mail-outage', 'site'] },
);

/**
 * Caching of a signed-in user's page, of a page for one visitor, and of a page for everyone without a session. A personal
 * page must not be stored, because the Back button could show it after the user has logged out.
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

const DATE_AND_TIME = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'short',
  timeZone: 'UTC',
});

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' });

const HELPERS = {
  excerpt: excerptOf,
  postPath: pathOfPost,
  tagPath: pathOfTag,
  /** A moment as a `time` element that scripts make relative, such as "3 minutes ago". For labels and tables. */
  time: (moment: Date) =>
    `<time datetime="${moment.toISOString()}">${DATE_AND_TIME.format(moment)} UTC</time>`,
  /** The day of a moment, which stays a date. For sentences. */
  date: (moment: Date) => `<time datetime="${moment.toISOString()}" data-date>${DATE.format(moment)}</time>`,
  /** A size in bytes, formatted. */
  bytes: (bytes: number) =>
    bytes < 2 ** 20 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 2 ** 20).toFixed(1)} MB`,
  /** A duration in seconds, formatted. */
  span: (seconds: number) => {
    if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    if (seconds < 10) return `${seconds.toFixed(1)} s`;
    if (seconds < 120) return `${Math.round(seconds)} s`;
    if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
    return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
  },
  /** A count with its noun in the singular or plural. */
  counted: (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`,
  /** A post's number of likes, which is counted up to MAX_COUNTED. */
  likes: (count: number) =>
    count < MAX_COUNTED ? `${count} ${count === 1 ? 'like' : 'likes'}` : `${MAX_COUNTED - 1}+ likes`,
};
