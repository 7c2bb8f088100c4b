import type { FastifyInstance } from 'fastify';
import pages from '../../plugins/web/index.ts';
import styleguide from './styleguide.ts';

/** What a site without a mail server offers to people at its machine. */
export default async function dev(app: FastifyInstance): Promise<void> {
  if (app.config.smtpUrl !== undefined) return;
  await app.register(pages);
  // Loaded only where it is needed: a mail reader is a large thing.
  app.register(import('./mailbox.ts'), { prefix: '/mailbox' });
  app.register(styleguide, { prefix: '/styleguide' });
}
