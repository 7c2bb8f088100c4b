import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { DomainError, noSuch } from '../../../errors.ts';
import { deadLetterName, queueContracts } from '../../../queue/contracts.ts';
import { JOB_STATES, type JobFilter } from '../../../queue/jobs.ts';

/** The queues that have work, and those where it ends that was given up. */
export const WORK_QUEUES = queueContracts.map(({ name }) => name);
export const DEAD_QUEUES = queueContracts.map(deadLetterName);
export const ALL_QUEUES = [...WORK_QUEUES, ...DEAD_QUEUES];

/** NUL cannot be stored in PostgreSQL, nor be looked for there. */
const text = (maxLength: number) => Type.Optional(Type.String({ maxLength, pattern: '^[^\\u0000]*$' }));

/** What stands in the address of a list, and in the form of an action on it. All of it may be left empty. */
export const FilterFields = Type.Object({
  action: text(20),
  queue: text(100),
  state: text(20),
  text: text(200),
  from: text(30),
  until: text(30),
  id: text(40),
  after: text(100),
});

export type FilterFields = Static<typeof FilterFields>;

const ID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;

const validator = Compile(FilterFields);

/**
 * Reads the fields of a filter. One that cannot be read is refused: taken for none, it would be about all jobs.
 *
 * @throws DomainError `not-found`
 */
export function filterFields(source: unknown): FilterFields {
  if (!validator.Check(source)) throw notUnderstood();
  return source;
}

/**
 * The jobs that the fields describe.
 *
 * @throws DomainError `not-found` for a queue, a state, a time or an id that cannot be
 */
export function filterFrom({ queue, state, text, from, until, id }: FilterFields): JobFilter {
  if (queue && !ALL_QUEUES.includes(queue)) throw noSuch('queue');
  const known = JOB_STATES.find((name) => name === state);
  if (state && known === undefined) throw noSuch('state');
  if (id && !ID.test(id)) throw noSuchJob();
  return {
    queues: queue ? [queue] : WORK_QUEUES,
    states: known && [known],
    text: text || undefined,
    from: momentFrom(from),
    until: momentFrom(until),
    id: id || undefined,
  };
}

export function noSuchJob(): DomainError {
  return new DomainError('not-found', 'This job does not exist or has been deleted.');
}

/** The address of a list, or of a question about it, with these fields. */
export function withFields(path: string, fields: Record<string, string | undefined>): string {
  const filled = Object.entries(fields).filter((entry): entry is [string, string] => Boolean(entry[1]));
  return filled.length === 0 ? path : `${path}?${new URLSearchParams(filled)}`;
}

function notUnderstood(): DomainError {
  return new DomainError('not-found', 'Invalid filter.');
}

/** What `<input type="datetime-local">` sends, as UTC. */
function momentFrom(value: string | undefined): Date | undefined {
  if (!value) return undefined;
  const moment = new Date(`${value}Z`);
  if (!/^\d{4}-/.test(value) || Number.isNaN(moment.getTime())) throw notUnderstood();
  return moment;
}
