import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { ALL_QUEUES, WORK_QUEUES } from '../../src/all-queues.ts';
import { findJobSubjects } from '../../src/domain/people/job-subjects.ts';
import { StartupError } from '../../src/errors.ts';
import {
  countJobs,
  describeResult,
  findJob,
  findJobIds,
  findRelations,
  followAttempts,
  JOB_ACTIONS,
  JOB_ID,
  JOB_STATES,
  type JobAction,
  type JobFilter,
  listJobs,
  listLiveWorkers,
  listPausedQueues,
  newestAttempt,
  pauseQueue,
  QueueAdmin,
  readSearch,
  recordAction,
  redact,
  resumeQueue,
  SCHEDULE_ACTIONS,
  type ScheduleAction,
} from '../../src/queue/index.ts';
import type { Ask } from './ask.ts';
import { columns } from './columns.ts';
import type { OtherCommand } from './job-commands.ts';
import { describeRelations } from './job-relations.ts';
import { changeSchedule, printSchedules } from './schedules.ts';

interface Terminal {
  readonly app: FastifyInstance;
  readonly ask: Ask;
  readonly print: (text: string) => void;
  /** Aborted to stop following. */
  readonly signal: AbortSignal;
}

interface Options {
  /** The queue, the id of a job to show, or a schedule. */
  readonly subject?: string | undefined;
  readonly state?: string | undefined;
  readonly text?: string | undefined;
  readonly id?: string | undefined;
  readonly limit?: string | undefined;
  readonly json: boolean;
}

type Command = (terminal: Terminal, options: Options) => Promise<void>;

const COMMANDS: Readonly<Record<OtherCommand, Command> & Record<string, Command>> = {
  stats,
  list,
  show,
  tail,
  pause: ({ app, print }, { subject }) => change(app, print, pauseQueue, workQueue(subject), 'paused'),
  resume: ({ app, print }, { subject }) => change(app, print, resumeQueue, workQueue(subject), 'resumed'),
  schedules: printSchedules,
  ...Object.fromEntries(SCHEDULE_ACTIONS.map((action) => [action, actOnSchedule(action)])),
  ...Object.fromEntries(Object.keys(JOB_ACTIONS).map((action) => [action, actOn(action as JobAction)])),
};

const MAX_LISTED = 1_000;
const FOLLOW_MS = 500;

/** The name of the operator in the audit log. */
const OPERATOR = 'npm run jobs';

/**
 * Runs a command.
 *
 * @throws StartupError for an option that is not accepted, or if there is nothing to do
 */
export async function runJobsCommand(terminal: Terminal, name: string, options: Options): Promise<void> {
  await COMMANDS[name]?.(terminal, options);
}

async function stats({ app: { db }, print }: Terminal, { json }: Options): Promise<void> {
  const [counts, paused, workers] = await Promise.all([
    countJobs(db, WORK_QUEUES),
    listPausedQueues(db),
    listLiveWorkers(db),
  ]);
  const queues = counts.map((count) => ({ ...count, isPaused: paused.has(count.queue) }));
  if (json) return print(JSON.stringify({ queues, workers }, null, 2));
  const rows = queues.map(({ queue, ready, active, retrying, deferred, blocked, failed, dead, isPaused }) =>
    [queue, ready, active, retrying, deferred, blocked, failed, dead, isPaused ? 'paused' : ''].map(String),
  );
  print(
    columns([
      ['queue', 'ready', 'running', 'retrying', 'scheduled', 'blocked', 'failed', 'dead', ''],
      ...rows,
    ]),
  );
  print(workers.length === 0 ? '\nNo workers are running.' : '');
  for (const { name, running, concurrency, isDraining } of workers)
    print(`${name} runs ${running.length} of ${concurrency} jobs${isDraining ? ', and takes no more' : ''}.`);
}

async function list({ app, print }: Terminal, options: Options): Promise<void> {
  const filter = await filterFrom(app, options);
  const { jobs, searchedFrom } = await listJobs(app.db, filter, { size: limitFrom(options.limit) });
  if (options.json) return print(JSON.stringify(jobs.map(readable), null, 2));
  if (jobs.length === 0) return print('No matching jobs.');
  print(
    columns([
      ['id', 'queue', 'state', 'attempts', 'created', 'error'],
      ...jobs.map(({ id, queue, state, attempts, createdAt, message }) => [
        ...[id, queue, state, String(attempts), createdAt.toISOString(), String(redact(message ?? ''))],
      ]),
    ]),
  );
  if (searchedFrom !== undefined) print(`Only jobs since ${searchedFrom.toISOString()} were searched.`);
}

async function show({ app, print }: Terminal, { subject: id, json }: Options): Promise<void> {
  const { jobs } = await listJobs(app.db, await filterFrom(app, { id: id ?? '', json }), { size: 1 });
  const [found] = jobs;
  const job = found && (await findJob(app.db, found.queue, found.id));
  if (job === undefined) throw new StartupError(1, 'This job does not exist or has been deleted.');
  const relations = await findRelations(app.db, job);
  if (json) return print(JSON.stringify(readable({ ...job, ...relations }), null, 2));
  const { history, report, data, output, ...rest } = job;
  const facts = Object.entries(rest).filter(([, value]) => value !== null);
  print(columns(facts.map(([name, value]) => [name, String(redact(shown(value)))])));
  print(`payload: ${JSON.stringify(redact(data))}`);
  if (output !== null) print(`result: ${JSON.stringify(redact(output))}`);
  for (const { attempt, worker, startedAt, outcome, error } of history)
    print(`attempt ${attempt} at ${startedAt.toISOString()} by ${worker}: ${withError(outcome, error)}`);
  for (const line of report?.lines ?? []) print(JSON.stringify(redact(line)));
  for (const line of describeRelations(relations)) print(line);
}

async function tail({ app: { db }, print, signal }: Terminal, { subject, json }: Options): Promise<void> {
  const queue = subject === undefined ? undefined : workQueue(subject);
  const running = new Set<number>();
  let after = await newestAttempt(db);
  if (!json) print(`Following ${queue ?? 'all queues'} until Ctrl-C.`);
  while (!signal.aborted) {
    for (const each of await followAttempts(db, { after, running: [...running] })) {
      after = Math.max(after, each.id);
      const { outcome, ...attempt } = each;
      const events = [
        ...(running.has(each.id) ? [] : ['started']),
        ...(outcome === 'running' ? [] : [outcome]),
      ];
      if (outcome === 'running') running.add(each.id);
      else running.delete(each.id);
      if (queue !== undefined && each.queue !== queue) continue;
      for (const event of events) print(lineOf({ at: new Date(), event, ...attempt }, json));
    }
    await sleep(FOLLOW_MS, undefined, { signal }).catch(() => {});
  }
}

interface TailEvent {
  readonly at: Date;
  readonly event: string;
  readonly queue: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly worker: string;
  readonly error: string | null;
}

function lineOf(event: TailEvent, json: boolean): string {
  if (json) return JSON.stringify(redact({ ...event, at: event.at.toISOString() }));
  const { at, queue, jobId, attempt, worker, error } = event;
  const what = withError(event.event, event.event === 'started' ? null : error);
  return `${at.toISOString().slice(11, 19)} ${queue} ${jobId} attempt ${attempt} on ${worker}: ${what}`;
}

function actOn(action: JobAction): Command {
  return async ({ app, ask, print }, options) => {
    const { db, queueAdmin } = app;
    const { subject, state, text, id } = options;
    if ([subject, state, text, id].every((given) => given === undefined))
      throw new StartupError(2, `${action}: say which jobs, by QUEUE, --state, --text or --id`);
    const filter = await filterFrom(app, options);
    const count = (await findJobIds(db, QueueAdmin.applicable(action, filter), MAX_COUNTED + 1)).length;
    if (count === 0) throw new StartupError(1, `There are no jobs to ${action}.`);
    await ask(
      `${action}: ${count > MAX_COUNTED ? `more than ${MAX_COUNTED}` : count} ${count === 1 ? 'job' : 'jobs'}. Continue?`,
    );
    const affected = await queueAdmin.act(db, action, filter);
    const message = describeResult(action, affected);
    const about = Object.entries({ queue: subject, state, text, id }).filter(
      ([, value]) => value !== undefined,
    );
    const chosen = about.map(([name, value]) => `${name}=${value}`).join('&');
    await recordAction(db, { username: OPERATOR, action: message, subject: chosen });
    print(message);
  };
}

const MAX_COUNTED = 10_000;

function actOnSchedule(action: ScheduleAction): Command {
  return (terminal, { subject: name }) => changeSchedule(terminal, action, { name, by: OPERATOR });
}

async function change(
  { db }: FastifyInstance,
  print: Terminal['print'],
  act: (db: FastifyInstance['db'], queue: string) => Promise<void>,
  queue: string,
  done: string,
): Promise<void> {
  await act(db, queue);
  const message = `Queue ${queue} ${done}.`;
  await recordAction(db, { username: OPERATOR, action: message, subject: `queue=${queue}` });
  print(message);
}

async function filterFrom(
  { db }: FastifyInstance,
  { subject: queue, state, text, id }: Options,
): Promise<JobFilter> {
  const known = JOB_STATES.find((name) => name === state);
  if (state !== undefined && known === undefined)
    throw new StartupError(2, `--state: "${state}" is not accepted; choose from ${JOB_STATES.join(', ')}`);
  if (id !== undefined && !JOB_ID.test(id)) throw new StartupError(2, `"${id}" is not the id of a job`);
  if (queue !== undefined) requireQueue(queue, ALL_QUEUES);
  const byDefault = id === undefined ? WORK_QUEUES : ALL_QUEUES;
  const findSubjects = (person: string) => findJobSubjects(db, person, { byAddress: true });
  return {
    queues: queue === undefined ? byDefault : [queue],
    states: known && [known],
    search: text === undefined ? undefined : await readSearch(text, findSubjects),
    id,
  };
}

function workQueue(name: string | undefined): string {
  return requireQueue(name, WORK_QUEUES);
}

function requireQueue(name: string | undefined, among: readonly string[]): string {
  if (name !== undefined && among.includes(name)) return name;
  throw new StartupError(2, `QUEUE: "${name ?? ''}" is not a queue; choose from ${among.join(', ')}`);
}

function limitFrom(limit = '50'): number {
  const size = Number(limit);
  if (Number.isInteger(size) && size >= 1 && size <= MAX_LISTED) return size;
  throw new StartupError(2, `--limit: "${limit}" is not accepted; give a number from 1 to ${MAX_LISTED}`);
}

/** A job as JSON, without secrets and without the cursor. */
function readable<Job extends object>(job: Job): unknown {
  const { cursor: _cursor, ...rest } = job as Job & { cursor?: unknown };
  return redact(JSON.parse(JSON.stringify(rest)));
}

function shown(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

function withError(what: string, error: string | null): string {
  return error === null ? what : `${what}: ${String(redact(error))}`;
}
