import type { FastifyInstance } from 'fastify';
import { queueContracts, WORK_QUEUES } from '../../../all-queues.ts';
import type { Db } from '../../../database/schema.ts';
import { DomainError, noSuch } from '../../../errors.ts';
import {
  actOnSchedule,
  drainWorker,
  hasSchedule,
  type JobAction,
  listLiveWorkers,
  pauseQueue,
  resumeQueue,
  type ScheduleAction,
  type ScheduleKey,
  type Worker,
} from '../../../queue/index.ts';
import { type FilterFields, filterFields, filterFrom } from './filter.ts';

type QueueAction = 'pause' | 'resume';
type WorkerAction = 'drain' | 'undrain';

const JOB_LABELS: Record<JobAction, string> = {
  retry: 'Retry',
  cancel: 'Cancel',
  restore: 'Restore',
  run: 'Run now',
  delete: 'Delete',
  redrive: 'Redrive',
};

const QUEUE_LABELS: Record<QueueAction, string> = { pause: 'Pause', resume: 'Resume' };

const SCHEDULE_LABELS: Record<ScheduleAction, string> = {
  'pause-schedule': 'Pause',
  'resume-schedule': 'Resume',
  'run-schedule': 'Run now',
};

const WORKER_LABELS: Record<WorkerAction, string> = { drain: 'Drain', undrain: 'Take jobs again' };

/** The names of the actions on buttons and pages. */
export const LABELS = { ...JOB_LABELS, ...QUEUE_LABELS, ...SCHEDULE_LABELS, ...WORKER_LABELS };

/** An action, and the fields that say what it applies to. */
export interface Command {
  readonly action: keyof typeof LABELS;
  readonly fields: Omit<FilterFields, 'action' | 'after'>;
  /** Undefined unless the action is on a worker. */
  readonly worker: Worker | undefined;
  /** Undefined unless the action is on a schedule. */
  readonly schedule: ScheduleKey | undefined;
}

/**
 * Reads an action and the jobs, queue, schedule or worker it applies to.
 *
 * @throws DomainError `not-found` for an unknown action, queue, schedule, state or worker, or an invalid time or id
 */
export async function readCommand({ db }: FastifyInstance, source: unknown): Promise<Command> {
  const { action = '', after: _after, ...fields } = filterFields(source);
  if (!isAction(action)) throw new DomainError('not-found', 'No such action.');
  if (Object.hasOwn(QUEUE_LABELS, action) && !WORK_QUEUES.includes(fields.queue ?? '')) throw noSuch('queue');
  filterFrom(fields);
  const worker = isWorkerAction(action) ? await findWorker(db, fields.worker) : undefined;
  const schedule = isScheduleAction(action) ? findSchedule(fields) : undefined;
  return { action, fields, worker, schedule };
}

function findSchedule({ queue = '', schedule: name = '' }: FilterFields): ScheduleKey {
  const key = { queue, name };
  if (!hasSchedule(queueContracts, key)) throw noSuch('schedule');
  return key;
}

async function findWorker(db: Db, id: string | undefined): Promise<Worker> {
  const worker = (await listLiveWorkers(db)).find((live) => String(live.id) === id);
  if (worker === undefined) throw noSuch('worker');
  return worker;
}

function isAction(action: string): action is keyof typeof LABELS {
  return Object.hasOwn(LABELS, action);
}

export function isJobAction(action: string): action is JobAction {
  return Object.hasOwn(JOB_LABELS, action);
}

export function isWorkerAction(action: string): action is WorkerAction {
  return Object.hasOwn(WORKER_LABELS, action);
}

export function isScheduleAction(action: string): action is ScheduleAction {
  return Object.hasOwn(SCHEDULE_LABELS, action);
}

/** Returns what was done, in a sentence. */
export async function doToWorker(db: Db, action: WorkerAction, worker: Worker | undefined): Promise<string> {
  if (worker === undefined) throw noSuch('worker');
  await drainWorker(db, worker.id, action === 'drain');
  return action === 'drain'
    ? `Worker ${worker.name} takes no more jobs.`
    : `Worker ${worker.name} takes jobs again.`;
}

/** Returns what was done, in a sentence. */
export async function doToQueue(db: Db, action: QueueAction, name: string): Promise<string> {
  if (action === 'pause') await pauseQueue(db, name);
  else await resumeQueue(db, name);
  return `Queue ${name} ${action === 'pause' ? 'paused' : 'resumed'}.`;
}

/** Returns what was done, in a sentence. */
export async function doToSchedule(
  app: FastifyInstance,
  action: ScheduleAction,
  key: ScheduleKey | undefined,
): Promise<string> {
  if (key === undefined) throw noSuch('schedule');
  return actOnSchedule(app, queueContracts, { action, key });
}
