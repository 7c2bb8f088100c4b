import type { FastifyInstance } from 'fastify';
import { forDevelopment } from '../../development.ts';
import pages from '../../plugins/web/index.ts';
import mailbox from './mailbox.ts';
import styleguide from './styleguide.ts';

/** The mailbox and the style guide, for sites without a mail server. */
export default async function dev(app: FastifyInstance): Promise<void> {
  if (app.config.smtpUrl !== undefined) return;
  // Without it, the worker could not deliver mail, and nobody could sign up.
  await forDevelopment('A site without SMTP_URL', async () => import.meta.resolve('smtp-server'));
  await app.register(pages);
  app.register(mailbox, { prefix: '/mailbox' });
  app.register(styleguide, { prefix: '/styleguide' });
}
