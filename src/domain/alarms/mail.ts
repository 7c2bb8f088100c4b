import type { Db } from '../../database/schema.ts';
import { type Mailer, messageIdOf, type RenderMail } from '../mail/message.ts';
import { findAlarm } from './find.ts';

/**
 * Mails the operator about an error.
 *
 * @param job.id goes into the Message-ID
 * @throws PermanentFailure if the alarm no longer exists
 */
export async function mailAlarm(
  {
    db,
    mailer,
    renderMail,
    baseUrl,
    to,
  }: {
    db: Db;
    mailer: Mailer;
    renderMail: RenderMail;
    baseUrl: string;
    to: string;
  },
  job: { id: string; signal: AbortSignal },
  alarmId: number,
): Promise<void> {
  const alarm = await findAlarm(db, alarmId, job);
  const messageId = messageIdOf(job.id, baseUrl);
  const body = renderMail('alarm', { ...alarm, site: baseUrl });
  await mailer.send({ messageId, to, subject: alarm.title, ...body }, { signal: job.signal });
}
