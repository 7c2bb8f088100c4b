import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { mailQueue } from '../../queue/contracts.ts';

/** How long mail must have waited. Shorter waits are greylisting, or a restart of the mail server. */
const PATIENCE = sql`interval '10 minutes'`;

/**
 * Since when mail waits without any being delivered; undefined if all is well. A single mail that a server defers for days
 * is no outage: only mails younger than the last delivery count.
 */
export async function findMailOutage(db: Db): Promise<Date | undefined> {
  const { rows } = await sql<{ since: Date }>`
    select min(created_on) as since from pgboss.job
    where name = ${mailQueue.name} and state in ('created', 'retry', 'active')
      and created_on > coalesce((select max(sent_at) from mail_deliveries), '-infinity')
    having min(created_on) < now() - ${PATIENCE}
  `.execute(db);
  return rows[0]?.since;
}
