import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { noSuch } from '../../errors.ts';
import { listMails, readMail } from '../../mailbox/reader.ts';
import { requireThisMachine } from '../loopback.ts';
import type { WithId } from '../web/params.ts';

const MAX_LISTED = 100;

/**
 * The local mailbox, for a site without a mail server. Its mails contain log-in links, so it only answers on this machine.
 */
export default async function mailbox(app: FastifyInstance): Promise<void> {
  const folder = join(app.config.dataDir, 'mailbox');
  app.addHook(
    'onRequest',
    requireThisMachine('The local mailbox is only available on this machine. Set SMTP_URL to send email.'),
  );

  app.get('/', async (_request, reply) =>
    reply.page('dev/mailbox', { title: 'Mailbox', mails: await listMails(folder, MAX_LISTED) }),
  );

  app.get<WithId>('/:id', async (request, reply) => {
    const mail = await findMail(folder, request.params.id);
    return reply.page('dev/mail', { title: mail.subject, mail, textParts: splitLinks(mail.text) });
  });

  app.get<WithId>('/:id/html', async (request, reply) => {
    const { html } = await findMail(folder, request.params.id);
    return reply
      .header('content-security-policy', policyForMail(html))
      .header('cache-control', 'private, no-cache')
      .type('text/html; charset=utf-8')
      .send(html);
  });
}

async function findMail(folder: string, id: string) {
  const mail = await readMail(folder, id);
  if (mail === undefined) throw noSuch('email');
  return mail;
}

/** A mail's style sheet is inline. The policy allows only that one, by hash. */
function policyForMail(html: string): string {
  const hashes = [...html.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(
    ([, css = '']) => `'sha256-${createHash('sha256').update(css).digest('base64')}'`,
  );
  const styleSrc = hashes.length > 0 ? hashes.join(' ') : "'none'";
  return `default-src 'none'; style-src ${styleSrc}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

/** Splits a mail's text at its links. Odd entries are URLs. */
function splitLinks(text: string): string[] {
  return text.split(/(https?:\/\/\S+)/);
}
