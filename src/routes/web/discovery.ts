import type { FastifyInstance, FastifyReply } from 'fastify';
import { AI_CRAWLERS } from '../../domain/site/ai-crawlers.ts';
import { COLOURS } from '../../domain/site/fields.ts';
import type { SiteSettings } from '../../domain/site/settings.ts';
import { countSitemapFiles, listSitemapEntries, type SitemapKind } from '../../domain/sitemap.ts';
import { noSuch } from '../../errors.ts';
import { idFrom } from './params.ts';

/** Pages not meant for search engines. */
const PRIVATE = [
  '/auth/',
  '/edit/',
  '/edit-profile',
  '/followed-tags',
  '/moderate',
  '/admin/',
  '/api/',
  '/api-tokens',
  '/search',
  '/your-data',
];

const KINDS: readonly SitemapKind[] = ['posts', 'people'];

/** How long `security.txt` is valid, in milliseconds. RFC 9116 recommends less than a year. */
const SECURITY_TXT_MS = 180 * 24 * 60 * 60 * 1000;

/** `robots.txt`, the sitemap, `security.txt` and the web app manifest. */
export default async function discovery(app: FastifyInstance): Promise<void> {
  const { readDb: db, config } = app;
  const { baseUrl, securityContact } = config;

  app.get('/robots.txt', async (_request, reply) => {
    const disallowed = PRIVATE.map((path) => `Disallow: ${path}`);
    const crawlers = AI_CRAWLERS.map((name) => `User-agent: ${name}`);
    const refusal = app.site.settings.crawlers === 'disallow' ? [...crawlers, 'Disallow: /', ''] : [];
    const sitemap = `Sitemap: ${baseUrl}/sitemap.xml`;
    return sendLines(reply, [...refusal, 'User-agent: *', ...disallowed, '', sitemap]);
  });

  app.get('/site.webmanifest', async (_request, reply) =>
    reply
      .header('cache-control', 'no-cache')
      .type('application/manifest+json')
      .send(JSON.stringify(manifestOf(app.site.settings))),
  );

  if (securityContact !== undefined) {
    app.get('/.well-known/security.txt', async (_request, reply) =>
      sendLines(reply, [
        `Contact: ${securityContact}`,
        `Expires: ${new Date(Date.now() + SECURITY_TXT_MS).toISOString()}`,
        'Preferred-Languages: en',
        `Canonical: ${baseUrl}/.well-known/security.txt`,
      ]),
    );
  }

  const isShared = { config: { isShared: true } };
  app.get('/sitemap.xml', isShared, async (_request, reply) => {
    const counts = await countSitemapFiles(db);
    const files = KINDS.flatMap((kind) =>
      Array.from({ length: counts[kind] }, (_, index) => `/sitemap/${kind}/${index + 1}.xml`),
    );
    return describe(reply, 'application/xml').view('feeds/sitemap-index', { baseUrl, files });
  });

  for (const kind of KINDS) {
    const path = `/sitemap/${kind}/:number(^\\d{1,5}).xml`;
    app.get<{ Params: { number: string } }>(path, isShared, async (request, reply) => {
      const entries = await listSitemapEntries(db, kind, idFrom(request.params.number));
      if (entries.length === 0) throw noSuch('part of the sitemap');
      return describe(reply, 'application/xml').view('feeds/sitemap', { baseUrl, entries });
    });
  }
}

/** https://www.w3.org/TR/appmanifest/ */
function manifestOf({ name, description, language, colour }: SiteSettings) {
  const drawn = { src: `/icon/${colour}.svg`, sizes: 'any', type: 'image/svg+xml' };
  const icons = [192, 512].map((size) => ({
    src: `/assets/icon-${size}.png`,
    sizes: `${size}x${size}`,
    type: 'image/png',
  }));
  return {
    name,
    short_name: name,
    description,
    lang: language,
    start_url: '/',
    display: 'minimal-ui',
    theme_color: COLOURS[colour],
    background_color: '#fcfaf7',
    // The PNG icons are red.
    icons: colour === 'red' ? [...icons, drawn] : [drawn],
  };
}

function sendLines(reply: FastifyReply, lines: readonly string[]): FastifyReply {
  return describe(reply, 'text/plain').send(`${lines.join('\n')}\n`);
}

function describe(reply: FastifyReply, type: string): FastifyReply {
  return reply.header('cache-control', 'public, max-age=3600').type(`${type}; charset=utf-8`);
}
