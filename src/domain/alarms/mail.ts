import type { Db } from '../../database/schema.ts';
import { PermanentFailure } from '../../errors.ts';
import { type Mailer, messageIdOf, type RenderMail } from '../mail/message.ts';

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
  const alarm = await db
    .selectFrom('alarms')
    .select(['title', 'message', 'reference', 'since_then as repetitions'])
    .where('id', '=', alarmId)
    .executeTakeFirst({ signal: job.signal });
  if (alarm === undefined) throw new PermanentFailure(`Alarm ${alarmId} no longer exists.`);
  const messageId = messageIdOf(job.id, baseUrl);
  const body = renderMail('alarm', { ...alarm, site: baseUrl });
  await mailer.send({ messageId, to, subject: alarm.title, ...body }, { signal: job.signal });
}
