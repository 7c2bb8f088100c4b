import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../src/database/schema.ts';

/** Lists the connected web processes and workers of releases that do not know a migration. See `connectionName`. */
export async function olderProcesses(db: Kysely<Schema>, migration: string): Promise<string[]> {
  const { rows } = await sql<{ process: string }>`
    select distinct concat_ws(' at ', application_name, host(client_addr)) as process
    from pg_stat_activity
    where datname = current_database()
      and application_name ~ '^pennypost (web|worker|web-and-worker) \\d{4}$'
      and right(application_name, 4) < ${migration.slice(0, 4)}
    order by process
  `.execute(db);
  return rows.map(({ process }) => process);
}
