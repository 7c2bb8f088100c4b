import { PermanentFailure } from '../../errors.ts';
import { persist } from '../../persist.ts';
import type { mailQueue, PayloadOf } from '../../queues.ts';
import type { Db } from '../../schema.ts';
import { isDelivered, recordDelivery } from './ledger.ts';
import { mintMailedToken } from './mint-token.ts';
import { mailTemplates } from './templates.ts';

interface Dependencies {
  readonly db: Db;
  readonly mailer: {
    send(
      message: { messageId: string; to: string; subject: string; text: string; html: string },
      options: { signal: AbortSignal },
    ): Promise<string>;
  };
  readonly renderMail: (name: string, data: object) => { text: string; html: string };
  /** The site's address, for links; its host names the messages. */
  readonly baseUrl: string;
}

/**
 * Writes one mail and hands it to the mail server: load, mint, render, send, record, in that order. Safe to run
 * again: the ledger knows what was sent, and every attempt carries the same Message-ID. Only when the process dies
 * between the server's acceptance and the ledger's row can a second copy leave.
 *
 * @param job.id names the mail in the ledger and in its Message-ID
 * @param job.signal stops the wait for the database and the mail server
 * @throws PermanentFailure when there is no such account, or the server refuses the recipient or the message
 */
export async function deliverMail(
  { db, mailer, renderMail, baseUrl }: Dependencies,
  { id: jobId, signal }: { id: string; signal: AbortSignal },
  payload: PayloadOf<typeof mailQueue>,
): Promise<void> {
  if (await isDelivered(db, jobId)) return;
  const { template: name, userId, emailChangeId } = payload;
  const template = mailTemplates[name];
  const recipient = await loadRecipient(db, payload, signal);
  if (template.isMoot?.(recipient)) return;

  const { purpose } = template;
  const token = purpose === undefined ? '' : await mintMailedToken(db, { userId, purpose, emailChangeId });
  const body = renderMail(name, { username: recipient.username, url: `${baseUrl}${template.path(token)}` });
  const messageId = `<${jobId}@${new URL(baseUrl).hostname}>`;
  const message = { messageId, to: recipient.email, subject: template.subject, ...body };
  await sendOrGiveUp(mailer, message, { signal });
  await persist(() => recordDelivery(db, { jobId, userId, template: name, messageId }));
}

async function loadRecipient(
  db: Db,
  { userId, emailChangeId }: PayloadOf<typeof mailQueue>,
  signal: AbortSignal,
) {
  const user = await db
    .selectFrom('users')
    .leftJoin('email_changes', (join) => join.on('email_changes.id', '=', emailChangeId ?? null))
    .select(['email', 'username', 'confirmed_at', 'new_email'])
    .where('users.id', '=', userId)
    .executeTakeFirst({ signal });
  if (user === undefined) throw new PermanentFailure(`There is no account ${userId} any more.`);
  if (emailChangeId !== undefined && user.new_email === null) {
    throw new PermanentFailure(`There is no change of email ${emailChangeId} any more.`);
  }
  return {
    email: user.new_email ?? user.email,
    username: user.username,
    isConfirmed: user.confirmed_at !== null,
  };
}

async function sendOrGiveUp(
  mailer: Dependencies['mailer'],
  ...[message, options]: Parameters<typeof mailer.send>
) {
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
