import { type RawBuilder, sql } from 'kysely';
import { deadLetterName } from './dead-letters.ts';
import type { JobFilter, JobState } from './jobs.ts';
import { isIndexed, type Search, type Term } from './search.ts';

// Filters and columns of lists, as SQL on pg-boss's table.

const isDue = sql`start_after <= pgboss.job_now()`;

/** A job's `JobState`. A job that was handed back or deferred is a retry that has not started; see `handBack`. */
export const STATE = sql`case
  when blocked and state in ('created', 'retry') then 'blocked'
  when state in ('created', 'retry') and ${isDue} then 'ready'
  when state = 'retry' and started_on is not null then 'retrying'
  when state in ('created', 'retry') then 'deferred'
  else state::text end`;

/** The last error; for a dead letter, the original's. */
const message = sql`coalesce(output ->> 'message', output -> 'value' ->> 'message', source_output ->> 'message')`;

/** The columns of `JobSummary`, and the cursor of the page that follows the job. */
export const SUMMARY = sql`id, name as queue, ${STATE} as state, data,
  case when name like '%.dead' then source_retry_count + 1
    when started_on is null then retry_count else retry_count + 1 end as attempts,
  created_on as "createdAt", start_after as "startAfter", started_on as "startedAt",
  completed_on as "endedAt", ${message} as message,
  to_char(created_on at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00"') || '~' || id as cursor`;

const STATE_CONDITIONS: Record<JobState, RawBuilder<unknown>> = {
  ready: sql`(state in ('created', 'retry') and not blocked and ${isDue})`,
  active: sql`state = 'active'`,
  retrying: sql`(state = 'retry' and not blocked and started_on is not null and not ${isDue})`,
  deferred: sql`((state = 'created' or state = 'retry' and started_on is null) and not blocked and not ${isDue})`,
  blocked: sql`(state in ('created', 'retry') and blocked)`,
  completed: sql`state = 'completed'`,
  failed: sql`state = 'failed'`,
  cancelled: sql`state = 'cancelled'`,
};

/** The conditions on when a job was created. */
export function timeConditions({ from, until }: JobFilter): RawBuilder<unknown> {
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (from !== undefined) all.push(sql`created_on >= ${from}`);
  if (until !== undefined) all.push(sql`created_on <= ${until}`);
  return sql.join(all, sql` and `);
}

/** The conditions other than the queue, the time and the search. */
export function plainConditions({
  queues,
  states,
  endedFrom,
  id,
  except = [],
  hasDeadLetter,
  blocksNone,
}: JobFilter) {
  const all: RawBuilder<unknown>[] = [sql`id <> all(${[...except]}::uuid[])`];
  if (states !== undefined) {
    all.push(sql`(${sql.join([sql`false`, ...states.map((name) => STATE_CONDITIONS[name])], sql` or `)})`);
  }
  if (endedFrom !== undefined) all.push(sql`completed_on >= ${endedFrom}`);
  if (id !== undefined) all.push(sql`id = ${id}::uuid`);
  if (hasDeadLetter) {
    const dead = queues.map((name) => deadLetterName({ name }));
    all.push(sql`id = any(array(select source_id from pgboss.job where name = any(${dead}::text[])))`);
  }
  if (blocksNone) all.push(sql`(not blocking or (name, id) not in (${BLOCKERS}))`);
  return sql.join(all, sql` and `);
}

/** Jobs that others wait for. */
const BLOCKERS = sql`select parent_name, parent_id from pgboss.job_dependency
  inner join pgboss.job as child on child.name = child_name and child.id = child_id where child.blocked`;

/** JSON keys of secrets, and with `hidesPeople` of personal data. See `redact`. */
const HIDDEN = '"[^"]*(pass|secret|token|auth|cookie|credential|api.?key|private)[^"]*(?<!id)":';
const PERSONAL = '"(address|email|ip)":';

/** Email and IP addresses in an error. See `redactText`. */
const ADDRESS = [
  `[^[:space:]<>"'(),:;=]+@[^[:space:]<>"'(),:;]+`,
  String.raw`\y(?:\d{1,3}\.){3}\d{1,3}\y`,
  String.raw`\y(?:[\da-f]{1,4}:){3,7}[\da-f:]*\y`,
  String.raw`\y(?:[\da-f]{1,4}:)+(?::[\da-f]{1,4})+\y`,
].join('|');

/** The conditions of a search. The text of a payload with a secret is not searched. */
export function searchConditions(search: Search, { hidesPeople = false }: { hidesPeople?: boolean } = {}) {
  const hidden = hidesPeople ? `${HIDDEN}|${PERSONAL}` : HIDDEN;
  const error = hidesPeople ? sql`regexp_replace(${message}, ${ADDRESS}, '', 'gi')` : message;
  const contains = (text: string) => sql`(strpos(lower(data::text), ${text}) > 0 and data::text !~* ${hidden})
    or strpos(lower(${error}), ${text}) > 0`;
  const terms = search.map(({ fragments, text }) => {
    const any = fragments.map(containsFragment);
    return sql`(${sql.join([sql`false`, ...any, ...(text === undefined ? [] : [contains(text)])], sql` or `)})`;
  });
  return terms.length === 0 ? sql`true` : sql.join(terms, sql` and `);
}

/** Whether an index finds all matching jobs. None does for completed jobs, which are the majority. */
export function hasIndex({ states, search = [] }: JobFilter): boolean {
  const isRare = states !== undefined && !states.includes('completed');
  return isRare || (search.length > 0 && isIndexed(search));
}

/** The conditions of an indexed search that the index checks: the terms without a text, or else the fragments of all terms. */
export function indexedConditions(search: Search): RawBuilder<unknown> {
  if (search.length === 0 || !isIndexed(search)) return sql`true`;
  const exact = search.filter(({ text }) => text === undefined);
  const any = ({ fragments }: Term) =>
    sql`(${sql.join([sql`false`, ...fragments.map(containsFragment)], sql` or `)})`;
  return sql.join((exact.length > 0 ? exact : search).map(any), sql` and `);
}

function containsFragment(fragment: object): RawBuilder<unknown> {
  return sql`data @> ${JSON.stringify(fragment)}::jsonb`;
}
