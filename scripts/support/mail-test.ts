import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { messageIdOf } from '../../src/domain/mail/message.ts';
import { maskPassword } from '../../src/environment-reader.ts';
import { StartupError } from '../../src/errors.ts';
import { checkSenderDns } from './sender-dns.ts';

/**
 * Sends an email as a worker would, without the queue. Returns the server's response, and what the DNS lacks for mail from this
 * domain to be trusted.
 *
 * @throws StartupError with the server's response or the connection's error if the mail was not accepted
 */
export async function mailTest({ config, mailer }: FastifyInstance, email: string): Promise<string> {
  const server = config.smtpUrl === undefined ? 'the local mailbox' : maskPassword(config.smtpUrl);
  const body = `This is a test email from ${config.baseUrl}. Your mail server works.`;
  try {
    const response = await mailer.send({
      messageId: messageIdOf(randomUUID(), config.baseUrl),
      to: email,
      subject: 'Test',
      text: body,
      html: `<p>${body}</p>`,
    });
    const where = config.smtpUrl === undefined ? `\nIt is in ${join(config.dataDir, 'mailbox')}` : '';
    const dns = await checkSenderDns(config);
    const sent = `Sent to ${email} through ${server}.\nThe server said: ${response}${where}`;
    return [sent, ...dns].join('\n');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(1, `Not sent to ${email} through ${server}: ${reason}`, { cause: error });
  }
}
