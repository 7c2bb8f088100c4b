import type { FastifyInstance } from 'fastify';
import { countSitemapFiles, listSitemapEntries, type SitemapKind } from '../../domain/sitemap.ts';
import { DomainError } from '../../errors.ts';
import { idFrom } from './params.ts';

/** Pages that no search engine need look at: forms, what is one person's, and what is for programs. */
const PRIVATE = [
  '/auth/',
  '/edit/',
  '/edit-profile',
  '/moderate',
  '/admin/',
  '/api/',
  '/api-tokens',
  '/your-data',
];

const KINDS: readonly SitemapKind[] = ['posts', 'people'];

/** How long somebody may rely on `security.txt`, in milliseconds: RFC 9116 asks for less than a year. */
const SECURITY_TXT_MS = 180 * 24 * 60 * 60 * 1000;

/** How the site is found: `robots.txt`, the sitemap and `security.txt`. */
export default async function discovery(app: FastifyInstance): Promise<void> {
  const { replica: db, config } = app;

  app.get('/robots.txt', async (_request, reply) => {
    const lines = [
      'User-agent: *',
      ...PRIVATE.map((path) => `Disallow: ${path}`),
      '',
      `Sitemap: ${config.baseUrl}/sitemap.xml`,
      '',
    ];
    return reply
      .header('cache-control', 'public, max-age=3600')
      .type('text/plain; charset=utf-8')
      .send(lines.join('\n'));
  });

  const { securityContact } = config;
  if (securityContact !== undefined) {
    app.get('/.well-known/security.txt', async (_request, reply) => {
      const lines = [
        `Contact: ${securityContact}`,
        `Expires: ${new Date(Date.now() + SECURITY_TXT_MS).toISOString()}`,
        'Preferred-Languages: en',
        `Canonical: ${config.baseUrl}/.well-known/security.txt`,
        '',
      ];
      return reply
        .header('cache-control', 'public, max-age=3600')
        .type('text/plain; charset=utf-8')
        .send(lines.join('\n'));
    });
  }

  app.get('/sitemap.xml', { config: { isShared: true } }, async (_request, reply) => {
    const counts = await countSitemapFiles(db);
    const files = KINDS.flatMap((kind) =>
      Array.from({ length: counts[kind] }, (_, index) => `/sitemap/${kind}/${index + 1}.xml`),
    );
    return reply
      .header('cache-control', 'public, max-age=3600')
      .type('application/xml; charset=utf-8')
      .view('feeds/sitemap-index', { baseUrl: config.baseUrl, files });
  });

  for (const kind of KINDS) {
    app.get<{ Params: { number: string } }>(
      `/sitemap/${kind}/:number(^\\d{1,5}).xml`,
      { config: { isShared: true } },
      async (request, reply) => {
        const entries = await listSitemapEntries(db, kind, idFrom(request.params.number));
        if (entries.length === 0) throw new DomainError('not-found', 'There is no such part of the sitemap.');
        return reply
          .header('cache-control', 'public, max-age=3600')
          .type('application/xml; charset=utf-8')
          .view('feeds/sitemap', { baseUrl: config.baseUrl, entries });
      },
    );
  }
}
