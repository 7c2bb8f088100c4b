import { sql } from 'kysely';
import type { Db } from './tables.ts';

/**
 * A value that changes with the dashboard's figures: the queues' counts, which pg-boss updates every few seconds, the workers'
 * jobs, and operators' actions. Costs the same for any number of jobs.
 */
export async function readPulse(db: Db): Promise<string> {
  const { rows } = await sql<{ pulse: string }>`
    select md5(concat_ws('|',
      (select string_agg(concat_ws(',', name, ready_count, active_count, deferred_count, failed_count), ';' order by name)
        from pgboss.queue),
      (select string_agg(concat_ws(',', id, running, is_draining, stopped_at), ';' order by id)
        from workers where seen_at > now() - interval '15 minutes'),
      (select string_agg(queue, ',' order by queue) from paused_queues),
      (select max(id) from job_audit_log)
    )) as pulse
  `.execute(db);
  return rows[0]?.pulse ?? '';
}
