import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('statistics are kept for as long as the charts show them', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t) };
  const { db } = await build(t, env);
  const partitionOf = async (daysAgo: number) => {
    const { rows } = await sql<{ name: string; from: string; until: string }>`
      select 'pgboss.queue_stats_' || to_char(day, 'YYYYMMDD') as name, day::text as "from", (day + 1)::text as until
      from (select (now() at time zone 'UTC')::date - ${daysAgo}::int as day) as days
    `.execute(db);
    return rows[0] ?? { name: '', from: '', until: '' };
  };
  const [yesterday, before] = [await partitionOf(1), await partitionOf(2)];
  for (const { name, from, until } of [yesterday, before]) {
    await sql`create table ${sql.table(name)} partition of pgboss.queue_stats
      for values from (${sql.lit(from)}) to (${sql.lit(until)})`.execute(db);
  }
  const exists = async ({ name }: typeof before) => {
    const { rows } = await sql<{ found: string | null }>`select to_regclass(${name}) as found`.execute(db);
    return rows[0]?.found != null;
  };
  await build(t, env, { role: 'worker' });
  await waitFor(async () => !(await exists(before)), 'the older statistics are deleted');
  t.ok(await exists(yesterday));
});
