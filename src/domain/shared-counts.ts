import { sql } from 'kysely';
import type { Db } from '../database/schema.ts';

/** Counts by key. */
export type Counts = ReadonlyMap<string, number>;

/**
 * Adds this process's counts to the shared ones, in one statement.
 *
 * @param expiresAt when the rows may be deleted, in milliseconds since 1970
 * @returns the totals of all processes, for the same keys
 */
export async function addCounts(db: Db, counts: Counts, expiresAt: number): Promise<Counts> {
  const { rows } = await sql<{ key: string; points: number }>`
    insert into rate_limits as shared (key, points, expire)
    select key, points, ${expiresAt} from unnest(${[...counts.keys()]}::text[], ${[...counts.values()]}::int[])
      as mine (key, points) order by key
    on conflict (key) do update set points = shared.points + excluded.points
    returning key, points
  `.execute(db);
  return new Map(rows.map(({ key, points }) => [key, points]));
}
