import { join } from 'node:path';
import fp from 'fastify-plugin';
import nodemailer from 'nodemailer';
import type { Mailer, Message } from '../domain/mail/message.ts';
import type { MailboxServer } from '../mailbox/smtp-server.ts';

declare module 'fastify' {
  interface FastifyInstance {
    mailer: Mailer;
  }
}

/** A server that does not answer holds a slot of the worker: these are how long it may. Milliseconds. */
const TIMEOUTS = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 30_000,
  dnsTimeout: 10_000,
};

/**
 * `app.mailer`: pooled SMTP. It connects at the first mail, so a process that sends none, such as the web process,
 * never speaks SMTP. Without `SMTP_URL` the first mail starts a mail server of its own that keeps what it is sent
 * in `DATA_DIR/mailbox`: the path is the same, only the server is a local one.
 */
export default fp(
  async (app) => {
    const { config } = app;
    let mailbox: MailboxServer | undefined;
    let opening: ReturnType<typeof open> | undefined;

    async function open() {
      if (config.smtpUrl === undefined) {
        const { startMailboxServer } = await import('../mailbox/smtp-server.ts');
        mailbox = await startMailboxServer(join(config.dataDir, 'mailbox'));
      }
      return nodemailer.createTransport({
        url: config.smtpUrl ?? mailbox?.url ?? '',
        pool: true,
        maxConnections: config.workerConcurrency,
        ...(sendsPassword(config.smtpUrl) && { requireTLS: true }),
        ...TIMEOUTS,
      });
    }

    app.decorate('mailer', {
      async send(message: Message, { signal }: { signal?: AbortSignal } = {}) {
        opening ??= open().catch((error: unknown) => {
          opening = undefined;
          throw error;
        });
        const transport = await opening;
        signal?.throwIfAborted();
        const { unsubscribeUrl, ...content } = message;
        const subject = `${config.mailSubjectPrefix} ${message.subject}`.trim();
        const headers = unsubscribeUrl === undefined ? {} : unsubscribeHeaders(unsubscribeUrl);
        const sending = app.tracing.span({ name: 'SMTP send', kind: 'client' }, () =>
          transport.sendMail({ ...content, subject, from: config.mailFrom, headers }),
        );
        const { response } = await (signal === undefined
          ? sending
          : Promise.race([sending, abortOf(signal)]));
        return response;
      },
    });
    app.addHook('onClose', async () => {
      if (opening === undefined) return;
      (await opening).close();
      await mailbox?.close();
    });
  },
  { name: 'mailer', dependencies: ['tracing'] },
);

/** Then somebody on the way must not be able to talk us out of TLS. `?requireTLS=false` in the URL wins. */
function sendsPassword(smtpUrl: string | undefined): boolean {
  if (smtpUrl === undefined) return false;
  const { password, hostname } = new URL(smtpUrl);
  return password !== '' && !/^(localhost|127\..*|\[::1\])$/.test(hostname);
}

function unsubscribeHeaders(url: string) {
  return { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' };
}

/** Rejects when the signal is aborted, with its reason. */
function abortOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
