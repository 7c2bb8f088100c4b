import type { Db } from '../../database/schema.ts';
import { PermanentFailure } from '../../errors.ts';
import type { mailQueue, PayloadOf } from '../../queue/contracts.ts';
import { loadNewComments } from '../comments/notice.ts';
import { loadDigest } from '../digests/load.ts';
import type { Delivery } from './ledger.ts';
import { type Mailer, type Message, messageIdOf, type RenderMail } from './message.ts';
import { forgetToken, prepareMail } from './prepare.ts';
import { mailTemplates } from './templates.ts';

interface Dependencies {
  readonly db: Db;
  readonly mailer: Mailer;
  readonly renderMail: RenderMail;
  /** The site's address, for links and the Message-ID. */
  readonly baseUrl: string;
}

interface MailJob {
  /** Identifies the mail in the ledger and in its Message-ID. */
  readonly id: string;
  readonly payload: PayloadOf<typeof mailQueue>;
  /** Aborts waiting for the mail server. */
  readonly signal: AbortSignal;
}

/**
 * Renders and sends one mail; the caller records the delivery before its job completes. Safe to repeat: the ledger knows
 * what was sent, and every attempt has the same Message-ID. A second copy is only sent if the process dies after the
 * server accepted the mail and before the ledger has it.
 *
 * @returns the ledger's row, or undefined if nothing was sent
 * @throws PermanentFailure if the account no longer exists, or the server refuses the recipient or the message
 */
export async function deliverMail(
  { db, mailer, renderMail, baseUrl }: Dependencies,
  { id: jobId, payload, signal }: MailJob,
): Promise<Delivery | undefined> {
  const { template: name, recipient, isDelivered, token } = await prepareMail(db, jobId, payload);
  const template = mailTemplates[name];
  if (isDelivered) return;
  if (recipient === undefined) {
    // A change of email may have been cancelled, an export replaced, or a reset requested for an address without an account.
    if (!('userId' in payload) || 'exportId' in payload) return;
    throw new PermanentFailure(`Account ${payload.userId} no longer exists.`);
  }
  if (template.isMoot?.(recipient)) return;

  const content = await loadContent(db, payload);
  if (content === undefined) return;

  const url = `${baseUrl}${template.path(token)}`;
  const body = renderMail(name, { username: recipient.username, url, site: baseUrl, ...content });
  const messageId = messageIdOf(jobId, baseUrl);
  const message = {
    messageId,
    to: recipient.email,
    subject: template.subject,
    ...body,
    ...(template.list && { unsubscribeUrl: url }),
  };
  await sendOrForget({ db, mailer }, message, { token, signal });
  return { jobId, userId: recipient.id, template: name, messageId };
}

/** Loads the mail's content besides its link. Undefined if there is nothing left to report. */
async function loadContent(db: Db, payload: PayloadOf<typeof mailQueue>): Promise<object | undefined> {
  switch (payload.template) {
    case 'new-login':
      return { address: payload.address };
    case 'new-comments':
      return loadNewComments(db, payload);
    case 'weekly-digest':
      return loadDigest(db, payload);
    default:
      return {};
  }
}

/**
 * Sends a message. If the server has certainly not accepted it, its token is deleted, so that tokens do not pile up while
 * mail is retried. Otherwise the token stays, because the mail may arrive.
 */
async function sendOrForget(
  { db, mailer }: Pick<Dependencies, 'db' | 'mailer'>,
  message: Message,
  { token, signal }: { token: string; signal: AbortSignal },
): Promise<void> {
  let mayHaveArrived = false;
  const onTransfer = () => {
    mayHaveArrived = true;
  };
  try {
    await mailer.send(message, { signal, onTransfer });
  } catch (error) {
    const code = refusalOf(error);
    if (!mayHaveArrived || code !== undefined) await forgetToken(db, token);
    if (error instanceof Error && code !== undefined && code >= 500) {
      throw new PermanentFailure(error.message, { cause: error });
    }
    throw error;
  }
}

/**
 * The code with which the server refused the recipient or the message. A 5xx (RFC 5321, 4.2.1) is permanent; one to the
 * greeting or authentication, which is not returned here, is a configuration error that an operator can fix.
 */
function refusalOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { responseCode, code } = error as Error & { responseCode?: number; code?: string };
  return code === 'EENVELOPE' || code === 'EMESSAGE' ? responseCode : undefined;
}
