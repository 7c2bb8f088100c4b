import { DomainError } from '../../errors.ts';

/**
 * Whether an SMTP reply says that an address does not exist. Other refusals are about the sender or the message, or are
 * temporary.
 *
 * @param reply as in `550 5.1.1 No such user`
 */
export function refusesAddress(reply: string): boolean {
  const [, code = '', status] = /^(5\d\d)(?:[ -](5\.\d{1,3}\.\d{1,3})\b)?/.exec(reply) ?? [];
  if (status !== undefined && status !== '5.0.0') return isAboutAddress(status);
  // RFC 5321, 4.2.3: the mailbox is unavailable or not local, or its name is not allowed.
  return ['550', '551', '553'].includes(code);
}

/** RFC 3463, 3.2: the recipient's address is bad. 5.1.7 to 5.1.9 are about the sender's. */
function isAboutAddress(status: string): boolean {
  return /^5\.1\.(?:[0-6]|10)$/.test(status);
}

/**
 * Whether a mail is a delivery status notification (RFC 3464) that says that an address does not exist. False for delays and
 * automatic replies.
 *
 * @throws DomainError `unrenderable` if it is not a mail message
 */
export async function reportsBadAddress(mail: Uint8Array): Promise<boolean> {
  // Loaded on demand, because bounces are rare.
  const { default: PostalMime } = await import('postal-mime');
  const { attachments } = await PostalMime.parse(mail, { attachmentEncoding: 'utf8' }).catch(
    (error: unknown) => {
      throw Object.assign(new DomainError('unrenderable', 'This mail cannot be read.'), { cause: error });
    },
  );
  const report = attachments.find(({ mimeType }) => mimeType === 'message/delivery-status');
  return typeof report?.content === 'string' && isAboutBadAddress(report.content);
}

/** @param report about one recipient, because our mails only have one */
function isAboutBadAddress(report: string): boolean {
  if (fieldOf(report, 'Action')?.toLowerCase() !== 'failed') return false;
  const [status = ''] = fieldOf(report, 'Status')?.split(' ') ?? [];
  // Some servers, such as Exim, only quote the reply that has the reason.
  if (status === '5.0.0')
    return refusesAddress(fieldOf(report, 'Diagnostic-Code')?.replace(/^smtp;\s*/i, '') ?? '');
  return isAboutAddress(status);
}

function fieldOf(report: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(report)?.[1]?.trim();
}
