import { join } from 'node:path';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import { forDevelopment } from '../development.ts';
import { domainOf, type Mailer, type Message, type SendOptions } from '../domain/mail/message.ts';
import type { MailboxServer } from '../mailbox/smtp-server.ts';

declare module 'nodemailer/lib/mailer' {
  interface Options {
    /** Removes the message from the pool's queue, or closes its connection. Missing in nodemailer's types. */
    signal?: AbortSignal | undefined;
    /** Called by our plugin when the transfer begins. */
    onTransfer?: (() => void) | undefined;
  }
}

declare module 'fastify' {
  interface FastifyInstance {
    mailer: Mailer;
  }
}

/** In milliseconds. A silent mail server occupies a worker's slot for this long. */
const TIMEOUTS = {
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 30_000,
  dnsTimeout: 10_000,
};

/**
 * Provides `app.mailer`: pooled SMTP that connects with the first mail. The web process sends none, so it never connects. A mail
 * names the request that caused it. Without `SMTP_URL`, the first mail starts a local mail server that stores messages in
 * `DATA_DIR/mailbox`.
 */
export default fp(
  async (app) => {
    const { config } = app;
    let mailbox: MailboxServer | undefined;
    let opening: ReturnType<typeof open> | undefined;

    async function open() {
      if (config.smtpUrl === undefined) {
        const { startMailboxServer } = await forDevelopment(
          'A site without SMTP_URL',
          () => import('../mailbox/smtp-server.ts'),
        );
        mailbox = await startMailboxServer(join(config.dataDir, 'mailbox'));
      }
      return openTransport(config, config.smtpUrl ?? mailbox?.url ?? '');
    }

    app.decorate('mailer', {
      async send(message: Message, { signal, onTransfer }: SendOptions = {}) {
        opening ??= open().catch((error: unknown) => {
          opening = undefined;
          throw error;
        });
        const transport = await opening;
        signal?.throwIfAborted();
        const { unsubscribeUrl, returnKey, ...content } = message;
        const { name } = app.site.settings;
        const subject = `${config.mailSubjectPrefix ?? `[${name}]`} ${message.subject}`.trim();
        const requestId = app.work.getStore()?.requestId;
        const headers = {
          ...(unsubscribeUrl !== undefined && unsubscribeHeaders(unsubscribeUrl)),
          ...(requestId !== undefined && { 'X-Request-ID': requestId }),
        };
        const envelope = { from: returnPath(config, returnKey), to: message.to };
        const mail = {
          ...content,
          subject,
          from: sender(config, name),
          envelope,
          headers,
          signal,
          onTransfer,
        };
        try {
          const span = { name: 'SMTP send', kind: 'client' } as const;
          return (await app.tracing.span(span, () => transport.sendMail(mail))).response;
        } catch (error) {
          signal?.throwIfAborted();
          throw error;
        }
      },
    });
    app.addHook('onClose', async () => {
      if (opening === undefined) return;
      (await opening).close();
      await mailbox?.close();
    });
  },
  { name: 'mailer', dependencies: ['work', 'tracing', 'site'] },
);

async function openTransport(config: Config, url: string) {
  // Loaded late, because most processes send no mail.
  const { default: nodemailer } = await import('nodemailer');
  const transport = nodemailer.createTransport({
    url,
    pool: true,
    maxConnections: config.workerConcurrency,
    ...(sendsPassword(config.smtpUrl) && { requireTLS: true }),
    ...signature(config),
    ...TIMEOUTS,
  });
  transport.use('stream', ({ data, message }, done) => {
    // nodemailer calls this when a connection is ready for the message.
    message.processFunc((stream) => {
      data.onTransfer?.();
      return stream;
    });
    done();
  });
  return transport;
}

/** Whether to require TLS, so that nobody on the network can strip STARTTLS. `?requireTLS=false` in the URL overrides it. */
function sendsPassword(smtpUrl: string | undefined): boolean {
  if (smtpUrl === undefined) return false;
  const { password, hostname } = new URL(smtpUrl);
  return password !== '' && !/^(localhost|127\..*|\[::1\])$/.test(hostname);
}

/**
 * The headers that Nodemailer signs, if a mail has them: those that RFC 6376 recommends, and the last one for RFC 8058, without
 * which mail programs show no unsubscribe button.
 */
const SIGNED_HEADERS =
  'From:Subject:Date:Message-ID:To:MIME-Version:Content-Type:Content-Transfer-Encoding:List-Unsubscribe:List-Unsubscribe-Post';

function signature({ mailFrom, dkimSelector: keySelector, dkimPrivateKey: privateKey }: Config) {
  if (privateKey === undefined) return undefined;
  return {
    dkim: { domainName: domainOf(mailFrom), keySelector, privateKey, headerFieldNames: SIGNED_HEADERS },
  };
}

/** The From header, with the site's name unless MAIL_FROM has a name. */
function sender({ mailFrom }: Config, siteName: string) {
  return mailFrom.includes('<') ? mailFrom : { name: siteName, address: mailFrom };
}

/** The address for bounces, with the mail's key (variable envelope return path). */
function returnPath({ mailFrom, mailReturnPath = mailFrom }: Config, returnKey: string | undefined): string {
  return returnKey === undefined ? mailReturnPath : mailReturnPath.replace('@', `+${returnKey}@`);
}

function unsubscribeHeaders(url: string) {
  return { 'List-Unsubscribe': `<${url}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' };
}
