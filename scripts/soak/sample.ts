import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../src/database/schema.ts';
import { percentile } from '../bench/table.ts';
import type { AppProcess } from '../support/app-process.ts';
import type { Load } from './load.ts';

/** Measurements of one moment, by name. NaN for what was not measured. */
export interface Sample {
  /** Seconds since the start. */
  readonly at: number;
  readonly values: Readonly<Record<string, number>>;
  readonly tables: Readonly<Record<string, TableSize>>;
}

export interface TableSize {
  /** With its indexes, in bytes. */
  readonly size: number;
  readonly rows: number;
  readonly dead: number;
}

/** Measures processes, connections, queues, tables and response times. */
export async function takeSample(
  at: number,
  {
    db,
    processes,
    load,
    withHeap,
  }: { db: Kysely<Schema>; processes: readonly AppProcess[]; load: Load; withHeap: boolean },
): Promise<Sample> {
  const values: Record<string, number> = {};
  for (const one of processes) {
    const { rss, pss, files } = await one.resources();
    values[`${one.name}, resident memory, MB`] = rss / 2 ** 20;
    values[`${one.name}, its share of memory, MB`] = pss / 2 ** 20;
    values[`${one.name}, live heap, MB`] = withHeap ? (await one.liveHeap()) / 2 ** 20 : Number.NaN;
    values[`${one.name}, open files`] = files;
  }
  values['database connections'] = await connections(db);
  values['jobs that could run'] = await readyJobs(db);
  values['response time, p99, ms'] = percentile(load.takeLatencies(), 0.99);
  const tables = await tableSizes(db);
  values['dead rows'] = Object.values(tables).reduce((total, { dead }) => total + dead, 0);
  return { at, values, tables };
}

async function connections(db: Kysely<Schema>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and application_name not like '%command%'
  `.execute(db);
  return rows[0]?.count ?? 0;
}

async function readyJobs(db: Kysely<Schema>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int from pgboss.job where state in ('created', 'retry') and start_after <= now()
      and name not like '%.dead'
  `.execute(db);
  return rows[0]?.count ?? 0;
}

async function tableSizes(db: Kysely<Schema>): Promise<Record<string, TableSize>> {
  const { rows } = await sql<TableSize & { name: string; schema: string }>`
    select relname as name, schemaname as schema, pg_total_relation_size(relid)::float as size,
      n_dead_tup::int as dead
    from pg_stat_user_tables where schemaname in ('public', 'pgboss')
  `.execute(db);
  const sizes: Record<string, TableSize> = {};
  for (const { name, schema, ...size } of rows) {
    const counted = await sql<{
      count: number;
    }>`select count(*)::int from ${sql.table(`${schema}.${name}`)}`.execute(db);
    sizes[schema === 'public' ? name : `${schema}.${name}`] = { ...size, rows: counted.rows[0]?.count ?? 0 };
  }
  return sizes;
}
