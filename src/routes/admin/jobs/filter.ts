import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/schema';
import { ALL_QUEUES, WORK_QUEUES } from '../../../all-queues.ts';
import { findJobSubjects } from '../../../domain/people/job-subjects.ts';
import { DomainError, noSuch } from '../../../errors.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import { JOB_ID, JOB_STATES, type JobFilter, readSearch } from '../../../queue/index.ts';
import { redactionFor } from './clearance.ts';

/** PostgreSQL cannot search for NUL. */
const text = (maxLength: number) => Type.Optional(Type.String({ maxLength, pattern: '^[^\\u0000]*$' }));

/** The query parameters of a list, and the form fields of an action on it. All are optional. */
export const FilterFields = Type.Object({
  action: text(20),
  queue: text(100),
  state: text(20),
  text: text(200),
  from: text(30),
  until: text(30),
  ended: text(30),
  id: text(40),
  after: text(100),
  worker: text(10),
  schedule: text(100),
  count: text(20),
});

export type FilterFields = Static<typeof FilterFields>;

const validator = Compile(FilterFields);

/**
 * Reads the fields of a filter. An invalid one is refused, because ignoring it would match all jobs.
 *
 * @throws DomainError `not-found`
 */
export function filterFields(source: unknown): FilterFields {
  if (!validator.Check(source)) throw invalidFilter();
  return source;
}

/**
 * Converts fields to a filter, except the search text.
 *
 * @throws DomainError `not-found` for an unknown queue or state, or an invalid time or id
 */
export function filterFrom({ queue, state, from, until, ended, id }: FilterFields): JobFilter {
  if (queue && !ALL_QUEUES.includes(queue)) throw noSuch('queue');
  const known = JOB_STATES.find((name) => name === state);
  if (state && known === undefined) throw noSuch('state');
  if (id && !JOB_ID.test(id)) throw noSuchJob();
  return {
    queues: queue ? [queue] : WORK_QUEUES,
    states: known && [known],
    from: momentFrom(from),
    until: momentFrom(until),
    endedFrom: momentFrom(ended),
    id: id || undefined,
  };
}

/** Converts fields to a filter, including the search text, which only finds what the user may see. Throws as `filterFrom`. */
export async function searchFrom(request: FastifyRequest, fields: FilterFields): Promise<JobFilter> {
  const filter = filterFrom(fields);
  const { db } = request.server;
  const { hidesPeople } = redactionFor(sessionOf(request).user);
  if (!fields.text?.trim()) return filter;
  const findSubjects = (person: string) => findJobSubjects(db, person, { byAddress: !hidesPeople });
  const search = await readSearch(fields.text, findSubjects, { hidesPeople });
  return { ...filter, search, hidesPeople };
}

export function noSuchJob(): DomainError {
  return new DomainError('not-found', 'This job does not exist or has been deleted.');
}

/** Adds the non-empty fields to a path as a query. */
export function withFields(path: string, fields: Record<string, string | undefined>): string {
  const filled = Object.entries(fields).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return filled.length === 0 ? path : `${path}?${new URLSearchParams(filled)}`;
}

/** A moment as a field, to the millisecond. */
export function momentField(moment: Date): string {
  return moment.toISOString().slice(0, -1);
}

function invalidFilter(): DomainError {
  return new DomainError('not-found', 'Invalid filter.');
}

/** Reads the value of `<input type="datetime-local">` as UTC. */
function momentFrom(value: string | undefined): Date | undefined {
  if (!value) return undefined;
  const moment = new Date(`${value}Z`);
  if (!/^\d{4}-/.test(value) || Number.isNaN(moment.getTime())) throw invalidFilter();
  return moment;
}
