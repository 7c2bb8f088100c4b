import type { BatchCounts } from '../../queue/index.ts';
import { type Mailer, messageIdOf, type RenderMail } from '../mail/message.ts';

/**
 * Mails the operator how many mails of a digest were sent or failed, unless there were none.
 *
 * @param job.id goes into the Message-ID
 */
export async function mailDigestSummary(
  {
    mailer,
    renderMail,
    baseUrl,
    to,
  }: { mailer: Mailer; renderMail: RenderMail; baseUrl: string; to: string },
  job: { id: string; signal: AbortSignal },
  { week, counts }: { week: string; counts: BatchCounts },
): Promise<void> {
  if (Object.values(counts).every((count) => count === 0)) return;
  const subject = `Digest of ${week}: ${counts.done} sent, ${counts.failed} failed`;
  const body = renderMail('digest-summary', { week, ...counts, site: baseUrl });
  await mailer.send(
    { messageId: messageIdOf(job.id, baseUrl), to, subject, ...body },
    { signal: job.signal },
  );
}
