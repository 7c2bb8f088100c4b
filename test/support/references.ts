import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';

/** The number of rows that refer to a person, by table and column. */
export async function referencesTo(
  { db }: FastifyInstance,
  { id }: { id: number },
): Promise<Record<string, number>> {
  const { rows } = await sql<{ name: string; column: string }>`
    select conrelid::regclass::text as name, attname as column
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = any(conkey)
    where confrelid = 'users'::regclass
  `.execute(db);
  const counts: Record<string, number> = {};
  for (const { name, column } of rows) {
    const counted = await sql<{ number: number }>`
      select count(*)::int as number from ${sql.table(name)} where ${sql.ref(column)} = ${id}
    `.execute(db);
    counts[`${name}.${column}`] = counted.rows[0]?.number ?? -1;
  }
  return counts;
}

/** The tables that have a text in some row. */
export async function tablesWith({ db }: FastifyInstance, text: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')
  `.execute(db);
  const found: string[] = [];
  for (const { name } of rows) {
    const having = sql`select from ${sql.raw(name)} as row where row::text ilike ${`%${text}%`} limit 1`;
    if ((await having.execute(db)).rows.length > 0) found.push(name);
  }
  return found;
}
