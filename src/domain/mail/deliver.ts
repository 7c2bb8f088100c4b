import type { Db } from '../../database/schema.ts';
import { type PayloadOf, PermanentFailure } from '../../queue/index.ts';
import type { mailQueue } from '../../queues.ts';
import { loadDeletion } from '../accounts/delete-account.ts';
import { loadDigest } from '../digests/load.ts';
import { hasExport } from '../exports/requests.ts';
import { loadImportResult } from '../imports/requests.ts';
import { loadSanction } from '../moderation/sanction.ts';
import { loadNotificationMail } from '../notifications/load-mail.ts';
import { LIST_NAMES, type MailingList, unsubscribeToken } from '../people/mail-choices.ts';
import { loadConfirmation, loadNewPost } from '../subscriptions/load-mail.ts';
import { mintReturnKey, recordBounce, type SentMail } from './bounce.ts';
import { refusesAddress } from './delivery-status.ts';
import { type Delivery, recordDelivery } from './ledger.ts';
import { domainOf, type Mailer, type Message, messageIdOf, type RenderMail } from './message.ts';
import { forgetToken, prepareMail } from './prepare.ts';
import { slowDownOf } from './slow-down.ts';
import { mailTemplates } from './templates.ts';

interface Dependencies {
  readonly db: Db;
  readonly mailer: Mailer;
  readonly renderMail: RenderMail;
  /** The site's address, for links and the Message-ID. */
  readonly baseUrl: string;
  /** For the start of the week. */
  readonly timeZone: string;
  /** Whether the site receives bounces. */
  readonly takesBounces: boolean;
  /** The tokens, by job id, of mails that the server may have accepted without answering. */
  readonly unanswered: { get(jobId: string): string | undefined; set(jobId: string, token: string): unknown };
}

interface MailJob {
  /** Identifies the mail in the ledger and in its Message-ID. */
  readonly id: string;
  readonly payload: PayloadOf<typeof mailQueue>;
  /** Aborts waiting for the mail server. */
  readonly signal: AbortSignal;
  /** Throws if the limit of the recipient's domain defers the mail. */
  readonly pass: (domain: string) => Promise<void>;
}

/**
 * Renders and sends one mail; the caller records the delivery before its job completes. Safe to repeat: the ledger has
 * every accepted mail, and all attempts have the same Message-ID. A second copy is only sent if the process dies after the
 * server accepted the mail and before the ledger has it.
 *
 * @returns the ledger's row, or undefined if nothing was sent
 * @throws PermanentFailure if the account no longer exists, or the server refuses the recipient or the message
 * @throws SlowDown if the server asks to slow down
 */
export async function deliverMail(
  { db, mailer, renderMail, baseUrl, timeZone, takesBounces, unanswered }: Dependencies,
  { id: jobId, payload, signal, pass }: MailJob,
): Promise<Delivery | undefined> {
  const earlier = unanswered.get(jobId);
  const {
    template: name,
    recipient,
    isDelivered,
    token,
  } = await prepareMail(db, jobId, payload, { earlier });
  const template = mailTemplates[name];
  if (isDelivered) return;
  if (recipient === undefined) {
    // The change of email was cancelled, the subscription has ended, or the reset was for an address without an account.
    if (!('userId' in payload)) return;
    throw new PermanentFailure(`Account ${payload.userId} no longer exists.`);
  }
  if (template.isMoot?.(recipient)) return;

  const content: MailContent | undefined = await loadContent(db, payload, timeZone);
  if (content === undefined) return;

  const { subject = template.subject, list = template.list, lists = [], ...said } = content;
  const toUnsubscribe = (from: MailingList) =>
    `${baseUrl}/unsubscribe/${unsubscribeToken(from, recipient.unsubscribeKey)}`;
  const url = list === undefined ? `${baseUrl}${template.path(token)}` : toUnsubscribe(list);
  const unsubscribe = lists.map((from) => ({ from: LIST_NAMES[from], url: toUnsubscribe(from) }));
  const body = renderMail(name, { username: recipient.username, url, site: baseUrl, unsubscribe, ...said });
  const messageId = messageIdOf(jobId, baseUrl);
  const message = {
    messageId,
    to: recipient.email,
    subject,
    ...body,
    ...(list && { unsubscribeUrl: url }),
    returnKey: takesBounces ? mintReturnKey() : undefined,
  };
  const link = { jobId, token: template.purpose && token };
  const isToSubscription = 'subscriptionId' in payload;
  const sent = {
    userId: isToSubscription ? null : recipient.id,
    subscriptionId: isToSubscription ? recipient.id : null,
    template: name,
    sentTo: recipient.email,
  };
  const response = await sendOrForget({ db, mailer, unanswered }, message, { link, sent, signal, pass });
  return { ...sent, jobId, messageId, returnKey: message.returnKey, isRefused: false, response };
}

/** A mail's content. The subject and the list replace those of the template. */
interface MailContent {
  readonly subject?: string;
  readonly list?: MailingList;
  /** Lists that the text links to unsubscribe from, in addition to `list`. */
  readonly lists?: readonly MailingList[];
}

/** Loads the mail's content except its link. Undefined if there is nothing left to report. */
async function loadContent(
  db: Db,
  payload: PayloadOf<typeof mailQueue>,
  timeZone: string,
): Promise<object | undefined> {
  switch (payload.template) {
    case 'new-login':
      return { address: payload.address };
    case 'notifications':
      return loadNotificationMail(db, payload);
    case 'weekly-digest':
      return loadDigest(db, { ...payload, timeZone });
    case 'confirm-subscription':
      return loadConfirmation(db, payload.subscriptionId);
    case 'new-post':
      return loadNewPost(db, payload);
    case 'export-ready':
      return (await hasExport(db, payload.exportId)) ? {} : undefined;
    case 'import-ended':
      return loadImportResult(db, payload.importId);
    case 'moderation':
      return loadSanction(db, payload.eventId);
    case 'account-deletion':
      return loadDeletion(db, payload.userId);
    default:
      return {};
  }
}

/**
 * Sends a message. If no attempt can have delivered the link, deletes its token, or tokens would pile up while mail is
 * retried. Otherwise the token stays, and the next attempt uses it again. Records a permanent refusal, and a bounce if the
 * recipient does not exist.
 *
 * @returns the mail server's response
 */
async function sendOrForget(
  { db, mailer, unanswered }: Pick<Dependencies, 'db' | 'mailer' | 'unanswered'>,
  message: Message,
  {
    link: { jobId, token },
    sent,
    signal,
    pass,
  }: { link: { jobId: string; token: string | undefined }; sent: SentMail } & Pick<
    MailJob,
    'signal' | 'pass'
  >,
): Promise<string> {
  let isTransferred = false;
  const onTransfer = () => {
    isTransferred = true;
  };
  try {
    await pass(domainOf(sent.sentTo).toLowerCase());
    return await mailer.send(message, { signal, onTransfer });
  } catch (error) {
    const code = refusalOf(error);
    if (token !== undefined && isTransferred && code === undefined) unanswered.set(jobId, token);
    else if (token !== undefined && token !== unanswered.get(jobId)) await forgetToken(db, token);
    if (error instanceof Error && code !== undefined && code >= 500) {
      const refused = { ...sent, jobId, messageId: message.messageId, returnKey: undefined, isRefused: true };
      await recordDelivery(db, { ...refused, response: responseOf(error) });
      if (saysBadAddress(error)) await recordBounce(db, sent);
      throw new PermanentFailure(error.message, { cause: error });
    }
    throw slowDownOf(error) ?? error;
  }
}

/**
 * The server's reply code if it refused the recipient or the message. A 5xx (RFC 5321, 4.2.1) is permanent. Undefined for a
 * refused greeting, authentication or sender, which is a configuration error that an operator can fix.
 */
function refusalOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { responseCode, code, command } = error as SmtpError;
  const isOfMail = code === 'EMESSAGE' || (code === 'EENVELOPE' && command !== 'MAIL FROM');
  return isOfMail ? responseCode : undefined;
}

/** What nodemailer's errors say about the server's response. */
interface SmtpError extends Error {
  readonly responseCode?: number;
  readonly code?: string;
  readonly command?: string;
  readonly response?: string;
}

/** The server's response, without nodemailer's prefix. */
function responseOf({ response, message }: SmtpError): string {
  return response ?? message;
}

/** Whether the server refused the recipient because there is no such address. */
function saysBadAddress({ command, response }: SmtpError): boolean {
  return command === 'RCPT TO' && refusesAddress(response ?? '');
}
