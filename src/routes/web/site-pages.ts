import type { FastifyInstance } from 'fastify';
import { findSitePage, SITE_PAGES } from '../../domain/site/pages.ts';
import { noSuch } from '../../errors.ts';
import { readDbFor } from '../../plugins/web/session.ts';

/** The pages about the site that Administrators write. */
export default async function sitePages(app: FastifyInstance): Promise<void> {
  for (const { name, title } of SITE_PAGES) {
    app.get(`/${name}`, { config: { isShared: true } }, async (request, reply) => {
      const page = await findSitePage(readDbFor(request), name);
      if (page === undefined) throw noSuch('page');
      return reply.page('site-page', {
        title,
        meta: { description: `${title}: ${app.site.settings.name}`, path: `/${name}` },
        html: page.html,
      });
    });
  }
}
