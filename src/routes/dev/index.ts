import type { FastifyInstance } from 'fastify';
import pages from '../../plugins/web/index.ts';
import styleguide from './styleguide.ts';

/** The mailbox and the style guide, for sites without a mail server. */
export default async function dev(app: FastifyInstance): Promise<void> {
  if (app.config.smtpUrl !== undefined) return;
  await app.register(pages);
  // Imported only if needed, because mailparser is large.
  app.register(import('./mailbox.ts'), { prefix: '/mailbox' });
  app.register(styleguide, { prefix: '/styleguide' });
}
