import type { Db } from '../../database/schema.ts';
import { PermanentFailure } from '../../queue/index.ts';

/** Loads an alarm to report. @throws PermanentFailure if it no longer exists */
export async function findAlarm(db: Db, alarmId: number, { signal }: { signal: AbortSignal }) {
  const alarm = await db
    .selectFrom('alarms')
    .select(['title', 'message', 'reference', 'since_then as repetitions'])
    .where('id', '=', alarmId)
    .executeTakeFirst({ signal });
  if (alarm === undefined) throw new PermanentFailure(`Alarm ${alarmId} no longer exists.`);
  return alarm;
}
