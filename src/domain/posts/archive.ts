import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../database/schema.ts';
import { POSITIONS_PER_SECOND, positionAt } from './position.ts';
import { IS_LISTED } from './visibility.ts';

/** A month in UTC. */
export interface Month {
  readonly year: number;
  /** From 1 to 12. */
  readonly month: number;
}

const POSITIONS = sql.lit(POSITIONS_PER_SECOND);

const LAST_MONTH = sql`date_trunc('month', to_timestamp(max(position) / ${POSITIONS}), 'UTC')`;

/** Lists the months with listed posts, newest first, with one index look-up each. */
export async function listMonths(db: Db): Promise<Month[]> {
  const { rows } = await sql<Month>`
    with recursive months (start) as (
      select ${LAST_MONTH} from posts where ${IS_LISTED}
      union all
      select (select ${LAST_MONTH} from posts where ${IS_LISTED} and position < extract(epoch from start)::bigint * ${POSITIONS})
      from months where start is not null
    )
    select
      extract(year from start at time zone 'UTC')::int as year,
      extract(month from start at time zone 'UTC')::int as month
    from months where start is not null
  `.execute(db);
  return rows;
}

/** Restricts posts to a month. */
export function inMonth<Columns>(
  posts: SelectQueryBuilder<Schema, 'posts', Columns>,
  { year, month }: Month,
): SelectQueryBuilder<Schema, 'posts', Columns> {
  const start = (monthsLater: number) =>
    sql<string>`${positionAt(new Date(Date.UTC(year, month - 1 + monthsLater)))}`;
  return posts.where('posts.position', '>=', start(0)).where('posts.position', '<', start(1));
}
