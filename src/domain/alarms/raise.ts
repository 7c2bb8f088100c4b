import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import type { Queue } from '../../queue/index.ts';
import { alarmQueue, alarmWebhookQueue } from '../../queues.ts';

/** An unexpected error that the operator should look at. */
export interface Alarm {
  /** The problem, e.g. `GET /post/:id failed`. */
  readonly title: string;
  /** The error's message. */
  readonly message: string;
  /** What to search the log for, e.g. `request 1b2c…`. */
  readonly reference: string;
}

/** The queues whose jobs report alarms. Their own failures raise none, to avoid an endless loop. */
export const REPORTING = [alarmQueue, alarmWebhookQueue] as const;

/** How long to wait before mailing the same error again. */
const QUIET_PERIOD = sql`interval '1 hour'`;

/**
 * Enqueues a mail and a call of the webhook about an error. If the same error was mailed within the hour, only counts it;
 * the next mail says how often it occurred. Errors that differ only in numbers and ids are the same.
 */
export async function raiseAlarm({ db, queue }: { db: Db; queue: Queue }, alarm: Alarm): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { id, isDue } = await trx
      .insertInto('alarms')
      .values({ ...alarm, fingerprint: fingerprintOf(alarm) })
      .onConflict((conflict) =>
        conflict.column('fingerprint').doUpdateSet({
          title: alarm.title,
          message: alarm.message,
          reference: alarm.reference,
          since_then: sql`alarms.since_then + 1`,
        }),
      )
      .returning(['id', sql<boolean>`since_then = 0 or mailed_at < now() - ${QUIET_PERIOD}`.as('isDue')])
      .executeTakeFirstOrThrow();
    if (!isDue) return;
    await trx.updateTable('alarms').set({ mailed_at: sql`now()` }).where('id', '=', id).execute();
    for (const contract of REPORTING) await queue.send(contract, { alarmId: id }, { db: trx });
  });
}

function fingerprintOf({ title, message }: Alarm): string {
  const general = `${title}\n${message}`.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+/gi, '#');
  return createHash('sha256').update(general).digest('base64url');
}

/**
 * Raises an alarm for each kind of dead letter of the last two hours. Workers report theirs at once; this catches those of
 * killed workers.
 */
export async function reportDeadLetters(deps: { db: Db; queue: Queue }): Promise<void> {
  const { rows } = await sql<{ queue: string; id: string; message: string }>`
    select distinct on (source_name, message) source_name as queue, source_id as id, message
    from (
      select *, coalesce(source_output ->> 'message', source_output -> 'value' ->> 'message', '') as message
      from pgboss.job
      where name in (select dead_letter from pgboss.queue) and created_on > now() - interval '2 hours'
        and source_name <> all(${REPORTING.map(({ name }) => name)}::text[])
    ) as dead
    order by source_name, message, created_on desc
  `.execute(deps.db);
  for (const { queue, id, message } of rows) await raiseAlarm(deps, deadLetterAlarm(queue, id, message));
}

/** The alarm for a job that became a dead letter. */
export function deadLetterAlarm(queue: string, jobId: string, message: string): Alarm {
  return { title: `A job in ${queue} failed for good`, message, reference: `job ${jobId}` };
}
