import { type RawBuilder, sql } from 'kysely';
import {
  hasIndex,
  indexedConditions,
  plainConditions,
  SUMMARY,
  searchConditions,
  timeConditions,
} from './job-filter.ts';
import type { JobFilter, JobPage, JobSummary } from './jobs.ts';
import type { Db } from './tables.ts';

/** How many of a queue's jobs are scanned for a page. This takes some hundredths of a second. */
const MAX_SCANNED_PER_QUEUE = 10_000;

/** How many are scanned in all queues together. */
const MAX_SCANNED = 20_000;

const CURSOR =
  /^([1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{6}\+00)~([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})$/;

type Row = JobSummary & { readonly cursor: string };

interface Place {
  readonly size: number;
  /** The previous page's cursor. An invalid one gives the first page. */
  readonly after?: string | undefined;
}

/**
 * Lists jobs, newest first. Scans some thousands of each queue's newest jobs, which an index orders, so a long history costs
 * nothing. If they do not fill the page, an index finds the rest where possible.
 */
export async function listJobs(db: Db, filter: JobFilter, { size, after = '' }: Place): Promise<JobPage> {
  const [, seconds = '', rest, id] = CURSOR.exec(after) ?? [];
  const start = isMoment(seconds)
    ? sql`(created_on, id) < (${seconds + rest}::timestamptz, ${id}::uuid)`
    : sql`true`;
  const range = { start, limit: size + 1 };
  if (filter.id !== undefined) return pageOf((await lookUp(db, filter, range)) ?? [], size);
  const { rows, end } = await lookAtNewest(db, filter, range);
  if (rows.length > size || end === undefined) return pageOf(rows, size);
  const all = hasIndex(filter) ? await lookUp(db, filter, range) : undefined;
  if (all !== undefined) return pageOf(all, size);
  return { jobs: rows, next: end.cursor, searchedFrom: end.createdAt };
}

/** Whether a timestamp exists, unlike one on 30 February. */
function isMoment(seconds: string): boolean {
  const moment = new Date(`${seconds}Z`);
  return !Number.isNaN(moment.getTime()) && moment.toISOString().startsWith(seconds);
}

function pageOf(rows: readonly Row[], size: number): JobPage {
  const next = rows.length > size ? rows[size - 1]?.cursor : undefined;
  return { jobs: rows.slice(0, size), next, searchedFrom: undefined };
}

interface Range {
  readonly start: RawBuilder<unknown>;
  readonly limit: number;
}

/** Scans the newest jobs of each queue. `end` is the job up to which all were scanned; undefined if there are no more. */
async function lookAtNewest(db: Db, filter: JobFilter, { start, limit }: Range) {
  const { queues, search = [] } = filter;
  const isFiltered = filter.states !== undefined || filter.endedFrom !== undefined || search.length > 0;
  const size = isFiltered ? Math.min(MAX_SCANNED_PER_QUEUE, Math.ceil(MAX_SCANNED / queues.length)) : limit;
  const { rows } = await sql<Row & { isEnd: boolean }>`
    with newest as materialized (
      select found.* from unnest(${[...queues]}::text[]) as wanted (queue), lateral (
        select job.*, row_number() over (order by created_on desc, id desc) = ${size} as is_end from pgboss.job
        where name = wanted.queue and ${timeConditions(filter)} and ${start}
        order by created_on desc, id desc limit ${size}
      ) as found
    ),
    boundary as (select created_on, id from newest where is_end order by created_on desc, id desc limit 1)
    (select ${SUMMARY}, false as "isEnd" from newest
      where not exists (select from boundary where (newest.created_on, newest.id) < (boundary.created_on, boundary.id))
        and ${plainConditions(filter)} and ${searchConditions(search, filter)}
      order by created_on desc, id desc limit ${limit})
    union all
    (select ${SUMMARY}, true from newest where (created_on, id) in (select created_on, id from boundary))
  `.execute(db);
  return { rows: rows.filter(({ isEnd }) => !isEnd), end: rows.find(({ isEnd }) => isEnd) };
}

/** Finds all matching jobs by an index. Undefined if there are too many to sort. */
async function lookUp(db: Db, filter: JobFilter, { start, limit }: Range): Promise<Row[] | undefined> {
  const { queues, search = [] } = filter;
  const { rows } = await sql<Row & { isTooMany: boolean }>`
    with candidates as materialized (
      select * from pgboss.job
      where name = any(${[...queues]}::text[]) and ${indexedConditions(search)} and ${plainConditions(filter)}
        and ${timeConditions(filter)} and ${start}
      limit ${MAX_SCANNED_PER_QUEUE}
    ),
    too_many as (select count(*) = ${MAX_SCANNED_PER_QUEUE} as "isTooMany" from candidates)
    select too_many.*, found.* from too_many left join (
      select ${SUMMARY} from candidates where ${searchConditions(search, filter)}
      order by created_on desc, id desc limit ${limit}
    ) as found on true
    order by "createdAt" desc, id desc
  `.execute(db);
  if (rows[0]?.isTooMany) return undefined;
  return rows.filter(({ id }) => id !== null);
}

/** Finds up to `limit` ids of matching jobs. */
export async function findJobIds(db: Db, filter: JobFilter, limit: number): Promise<string[]> {
  const { search = [] } = filter;
  const { rows } = await sql<{ id: string }>`
    select id from pgboss.job
    where name = any(${[...filter.queues]}::text[]) and ${timeConditions(filter)} and ${plainConditions(filter)}
      and ${indexedConditions(search)} and ${searchConditions(search, filter)}
    limit ${limit}
  `.execute(db);
  return rows.map(({ id }) => id);
}

/** Counts jobs by kind, most frequent first. The kind is the first of these fields that the payload has. */
export async function countKinds(
  db: Db,
  ids: readonly string[],
  fields: readonly string[],
): Promise<readonly { kind: string | null; count: number }[]> {
  const { rows } = await sql<{ kind: string | null; count: number }>`
    select coalesce(${sql.join(fields.map((field) => sql`data ->> ${field}::text`))}) as kind, count(*)::int as count
    from pgboss.job where id = any(${[...ids]}::uuid[]) group by 1 order by 2 desc, 1
  `.execute(db);
  return rows;
}

/** The time by the queue's clock. */
export async function readClock(db: Db): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select pgboss.job_now() as now`.execute(db);
  return rows[0]?.now ?? new Date();
}
