import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../database/schema.ts';
import { indexedConditions, plainConditions, SUMMARY, searchConditions } from './job-filter.ts';
import type { JobFilter, JobPage, JobSummary } from './jobs.ts';
import { isIndexed } from './search.ts';

/** How many of a queue's jobs a page searches without an index, and sorts with one. Takes some hundredths of a second. */
const WINDOW = 10_000;

const CURSOR =
  /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d)~([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/;

type Row = JobSummary & { readonly cursor: string };

interface Place {
  readonly size: number;
  /** The previous page's cursor; an invalid one means the first page. */
  readonly after?: string | undefined;
}

/**
 * Lists jobs, newest first. Each queue's newest come from an index, so a long history costs nothing. A search looks at
 * the newest `WINDOW` of each queue. If that does not fill the page and an index can find the rest, it does.
 */
export async function listJobs(db: Db, filter: JobFilter, { size, after = '' }: Place): Promise<JobPage> {
  const [, createdOn, id] = CURSOR.exec(after) ?? [];
  const start =
    createdOn === undefined ? sql`true` : sql`(created_on, id) < (${createdOn}::timestamptz, ${id}::uuid)`;
  const { search = [] } = filter;
  if (search.length === 0) return pageOf(await newest(db, filter, { start, limit: size + 1 }), size);
  const { rows, end } = await searchNewest(db, filter, { start, limit: size + 1 });
  if (rows.length > size || end === undefined) return pageOf(rows, size);
  if (isIndexed(search)) {
    const all = await searchIndex(db, filter, { start, limit: size + 1 });
    if (all !== undefined) return pageOf(all, size);
  }
  return { jobs: rows, next: end.cursor, searchedFrom: end.createdAt };
}

function pageOf(rows: readonly Row[], size: number): JobPage {
  const next = rows.length > size ? rows[size - 1]?.cursor : undefined;
  return { jobs: rows.slice(0, size), next, searchedFrom: undefined };
}

interface Range {
  readonly start: RawBuilder<unknown>;
  readonly limit: number;
}

async function newest(db: Db, filter: JobFilter, { start, limit }: Range): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select found.* from unnest(${[...filter.queues]}::text[]) as wanted (queue), lateral (
      select ${SUMMARY} from pgboss.job
      where name = wanted.queue and ${plainConditions(filter)} and ${start}
      order by created_on desc, id desc limit ${limit}
    ) as found
    order by "createdAt" desc, id desc limit ${limit}
  `.execute(db);
  return rows;
}

/** Searches the newest jobs of each queue. `end` is the oldest job up to which all were searched, if there may be more. */
async function searchNewest(db: Db, filter: JobFilter, { start, limit }: Range) {
  const { rows } = await sql<Row & { isEnd: boolean; isFound: boolean }>`
    with newest as materialized (
      select found.* from unnest(${[...filter.queues]}::text[]) as wanted (queue), lateral (
        select job.*, row_number() over (order by created_on desc, id desc) = ${WINDOW} as is_end from pgboss.job
        where name = wanted.queue and ${plainConditions(filter)} and ${start}
        order by created_on desc, id desc limit ${WINDOW}
      ) as found
    ),
    boundary as (select created_on, id from newest where is_end order by created_on desc, id desc limit 1)
    (select ${SUMMARY}, false as "isEnd" from newest
      where ${searchConditions(filter.search ?? [], filter)}
        and (created_on, id) >= (select coalesce(max(created_on), '-infinity'), coalesce(max(id::text), '00000000-0000-0000-0000-000000000000')::uuid from boundary)
      order by created_on desc, id desc limit ${limit})
    union all
    (select ${SUMMARY}, true from newest where (created_on, id) = (select created_on, id from boundary) limit 1)
  `.execute(db);
  return { rows: rows.filter(({ isEnd }) => !isEnd), end: rows.find(({ isEnd }) => isEnd) };
}

/** Finds all that match by the index of payloads. Undefined if there are too many to sort. */
async function searchIndex(db: Db, filter: JobFilter, { start, limit }: Range): Promise<Row[] | undefined> {
  const { search = [] } = filter;
  const { rows } = await sql<Row & { matches: number }>`
    with matching as materialized (
      select * from pgboss.job
      where ${indexedConditions(search)} and ${searchConditions(search, filter)}
        and name = any(${[...filter.queues]}::text[]) and ${plainConditions(filter)} and ${start}
      limit ${WINDOW}
    )
    select ${SUMMARY}, (select count(*)::int from matching) as matches from matching
    order by created_on desc, id desc limit ${limit}
  `.execute(db);
  return rows[0]?.matches === WINDOW ? undefined : rows;
}

/** Finds up to `limit` ids of matching jobs. */
export async function findJobIds(db: Db, filter: JobFilter, limit: number): Promise<string[]> {
  const { search = [] } = filter;
  const indexed = search.length > 0 && isIndexed(search) ? indexedConditions(search) : sql`true`;
  const { rows } = await sql<{ id: string }>`
    select id from pgboss.job
    where name = any(${[...filter.queues]}::text[]) and ${plainConditions(filter)}
      and ${indexed} and ${searchConditions(search, filter)}
    limit ${limit}
  `.execute(db);
  return rows.map(({ id }) => id);
}

/** Counts jobs by what their payload says they are, such as a mail's template; most first. */
export async function countKinds(
  db: Db,
  ids: readonly string[],
): Promise<readonly { kind: string | null; count: number }[]> {
  const { rows } = await sql<{ kind: string | null; count: number }>`
    select coalesce(data ->> 'template', data ->> 'about') as kind, count(*)::int as count
    from pgboss.job where id = any(${[...ids]}::uuid[]) group by 1 order by 2 desc, 1
  `.execute(db);
  return rows;
}

/** The time by the queue's clock. */
export async function readClock(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select pgboss.job_now() as now`.execute(db);
  return rows[0]?.now ?? new Date();
}
