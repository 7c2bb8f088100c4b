import type { FastifyInstance } from 'fastify';
import { forDevelopment } from '../../development.ts';
import pages from '../../plugins/web/index.ts';
import styleguide from './styleguide.ts';

/** The mailbox and the style guide, for sites without a mail server. */
export default async function dev(app: FastifyInstance): Promise<void> {
  if (app.config.smtpUrl !== undefined) return;
  const { default: mailbox } = await forDevelopment('A site without SMTP_URL', () => import('./mailbox.ts'));
  await app.register(pages);
  app.register(mailbox, { prefix: '/mailbox' });
  app.register(styleguide, { prefix: '/styleguide' });
}
