import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { messageIdOf } from '../../src/domain/mail/message.ts';
import { maskPassword } from '../../src/environment-reader.ts';
import { StartupError } from '../../src/errors.ts';

/**
 * Sends one mail the way a worker would, without the queue. Returns what happened, with the server's own words.
 *
 * @throws StartupError with the server's words, or the connection's, when it was not accepted
 */
export async function mailTest({ config, mailer }: FastifyInstance, email: string): Promise<string> {
  const server = config.smtpUrl === undefined ? 'the local mailbox' : maskPassword(config.smtpUrl);
  const body = `This mail was sent to see whether mail from ${config.baseUrl} arrives. It does.`;
  try {
    const response = await mailer.send({
      messageId: messageIdOf(randomUUID(), config.baseUrl),
      to: email,
      subject: 'Test',
      text: body,
      html: `<p>${body}</p>`,
    });
    const where = config.smtpUrl === undefined ? `\nIt is in ${join(config.dataDir, 'mailbox')}` : '';
    return `Sent to ${email} through ${server}.\nThe server said: ${response}${where}`;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(1, `Not sent to ${email} through ${server}: ${reason}`, { cause: error });
  }
}
