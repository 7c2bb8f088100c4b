import { PermanentFailure } from '../../errors.ts';
import type { mailQueue, PayloadOf } from '../../queue/contracts.ts';
import type { Db } from '../../schema.ts';
import type { Delivery } from './ledger.ts';
import { type Mailer, messageIdOf, type RenderMail } from './message.ts';
import type { PreparedMail } from './prepare.ts';
import { mailTemplates } from './templates.ts';

interface Dependencies {
  readonly db: Db;
  readonly mailer: Mailer;
  readonly renderMail: RenderMail;
  /** The site's address, for links; its host names the messages. */
  readonly baseUrl: string;
}

interface MailJob {
  /** Names the mail in the ledger and in its Message-ID. */
  readonly id: string;
  readonly payload: PayloadOf<typeof mailQueue>;
  /** What `prepareMails` gave for it. */
  readonly prepared: PreparedMail;
  /** Ends the wait for the mail server. */
  readonly signal: AbortSignal;
}

/**
 * Writes one mail and hands it to the mail server. The caller records the delivery, then the job is done. Safe to run
 * again: the ledger knows what was sent, and every attempt carries the same Message-ID. Only when the process dies
 * between the server's acceptance and the ledger's row can a second copy leave.
 *
 * @returns what the ledger has to record; undefined when nothing was sent
 * @throws PermanentFailure when there is no such account any more, or the server refuses the recipient or the message
 */
export async function deliverMail(
  { db, mailer, renderMail, baseUrl }: Dependencies,
  { id: jobId, payload, prepared, signal }: MailJob,
): Promise<Delivery | undefined> {
  const { userId, emailChangeId, passwordResetId } = payload;
  const { template: name, recipient, isDelivered, token } = prepared;
  const template = mailTemplates[name];
  if (isDelivered) return;
  if (recipient === undefined) {
    if (emailChangeId !== undefined) return; // It was called off, and its mail with it.
    if (passwordResetId !== undefined) return; // Somebody typed an address that has no account.
    throw new PermanentFailure(`There is no account ${userId} any more.`);
  }
  if (template.isMoot?.(recipient)) return;

  const content =
    template.load === undefined ? {} : await template.load(db, { ...payload, userId: recipient.id });
  if (content === undefined) return;

  const url = `${baseUrl}${template.path(token)}`;
  const body = renderMail(name, { username: recipient.username, url, site: baseUrl, ...content });
  const messageId = messageIdOf(jobId, baseUrl);
  const message = {
    messageId,
    to: recipient.email,
    subject: template.subject,
    ...body,
    ...(template.isUnsubscribeLink && { unsubscribeUrl: url }),
  };
  await sendOrGiveUp(mailer, message, { signal });
  return { jobId, userId: recipient.id, template: name, messageId };
}

async function sendOrGiveUp(mailer: Mailer, ...[message, options]: Parameters<Mailer['send']>) {
  try {
    await mailer.send(message, options);
  } catch (error) {
    if (isPermanentRefusal(error)) throw new PermanentFailure(error.message, { cause: error });
    throw error;
  }
}

/**
 * A 5xx reply (RFC 5321, 4.2.1) to the recipient or to the message itself is the server's last word on this mail.
 * A 5xx to a log-in or a greeting is about our settings: an operator can mend those, and the mail waits.
 */
function isPermanentRefusal(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { responseCode, code } = error as Error & { responseCode?: number; code?: string };
  return responseCode !== undefined && responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE');
}
