import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { IS_LISTED } from './visibility.ts';

/** A month in UTC. */
export interface Month {
  readonly year: number;
  /** From 1 to 12. */
  readonly month: number;
}

/** Lists the months with listed posts, newest first. Costs one index look-up per month. */
export async function listMonths(db: Db): Promise<Month[]> {
  const { rows } = await sql<Month>`
    with recursive months (start) as (
      select date_trunc('month', max(created_at), 'UTC') from posts where ${IS_LISTED}
      union all
      select (select date_trunc('month', max(created_at), 'UTC') from posts where ${IS_LISTED} and created_at < start)
      from months where start is not null
    )
    select
      extract(year from start at time zone 'UTC')::int as year,
      extract(month from start at time zone 'UTC')::int as month
    from months where start is not null
  `.execute(db);
  return rows;
}

/** Restricts posts to a month. Ids increase with time, so it has the ids from its first post to the next month's. */
export function inMonth<Columns>(
  posts: SelectQueryBuilder<Schema, 'posts', Columns>,
  { year, month }: Month,
): SelectQueryBuilder<Schema, 'posts', Columns> {
  const start = (monthsLater: number) => new Date(Date.UTC(year, month - 1 + monthsLater));
  return posts
    .where('posts.id', '>=', firstIdSince(start(0)))
    .where('posts.id', '<', sql<number>`coalesce(${firstIdSince(start(1))}, ${sql.lit(2 ** 31 - 1)})`);
}

function firstIdSince(moment: Date) {
  return sql<number>`(
    select id from posts where created_at >= ${moment} order by created_at, id limit 1
  )`;
}
