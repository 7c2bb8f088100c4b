import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Db } from '../../../database/schema.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import {
  countKinds,
  findJobIds,
  isDeadLetter,
  type JobAction,
  type JobFilter,
  listJobs,
  nameOfSchedule,
  QueueAdmin,
} from '../../../queue/index.ts';
import { redactionFor } from './clearance.ts';
import { type Command, isJobAction, LABELS } from './commands.ts';
import { momentField, searchFrom, withFields } from './filter.ts';

/** Jobs are counted up to this number. */
const MAX_COUNTED = 10_000;

/** For more jobs than this, the user must type their number. */
const MAX_UNTYPED = 100;

/** For up to this many jobs, the page lists their kinds. */
const MAX_DESCRIBED = 1_000;

/** The payload fields that tell the kind of a job. */
const KINDS = ['template', 'about'];

/** Jobs that the page shows. */
const MAX_SHOWN = 5;

/** Asks for confirmation of an action, and shows which jobs it affects and how many. */
export async function ask(request: FastifyRequest, reply: FastifyReply, command: Command) {
  const { action, fields } = command;
  const { count: typed, ...about } = fields;
  const question = isJobAction(action)
    ? await questionAboutJobs(request, action, await searchFrom(request, fields))
    : { subject: subjectOf(command), count: 1 };
  return reply.page('admin/jobs/ask', {
    title: LABELS[action],
    label: LABELS[action],
    action,
    fields: about,
    hasMistyped: typed !== undefined,
    ...question,
    backHref: backTo(command),
  });
}

/** The subject of an action other than jobs. */
function subjectOf({ fields, worker, schedule }: Command): string {
  if (worker !== undefined) return `worker ${worker.name}`;
  return schedule === undefined ? `queue ${fields.queue}` : `schedule ${nameOfSchedule(schedule)}`;
}

async function questionAboutJobs(request: FastifyRequest, action: JobAction, filter: JobFilter) {
  const { db, queueAdmin } = request.server;
  const ids = await findMatching(db, action, filter);
  const count = ids.length;
  const redaction = redactionFor(sessionOf(request).user);
  const [queue = ''] = filter.queues;
  const [{ jobs }, kinds, destinations] = await Promise.all([
    listJobs(db, QueueAdmin.applicable(action, filter), { size: MAX_SHOWN }),
    count > MAX_DESCRIBED ? [] : countKinds(db, ids, KINDS),
    action === 'redrive' ? queueAdmin.previewRedrive(queue, ids) : [],
  ]);
  const number = count > MAX_COUNTED ? `more than ${formatted(MAX_COUNTED)}` : formatted(count);
  return {
    subject: `${number} ${count === 1 ? 'job' : 'jobs'} in ${filter.queues.join(', ')}`,
    count,
    numberToType: count > MAX_UNTYPED ? formatted(Math.min(count, MAX_COUNTED)) : undefined,
    isFinal: action === 'delete',
    kinds: kinds.filter(({ kind }) => kind !== null),
    destinations,
    jobs: jobs.map((job) => ({
      ...job,
      isDead: isDeadLetter(job.queue),
      data: JSON.stringify(redaction.value(job.data)),
      message: redaction.text(job.message ?? ''),
    })),
  };
}

/** Whether an action on these jobs may go ahead: there are few, or their number was typed, with or without commas. */
export async function isConfirmed(
  db: Db,
  action: JobAction,
  { filter, typed = '' }: { filter: JobFilter; typed?: string | undefined },
): Promise<boolean> {
  const { length } = await findMatching(db, action, filter);
  return length <= MAX_UNTYPED || typed.replace(/\D/g, '') === String(Math.min(length, MAX_COUNTED));
}

function findMatching(db: Db, action: JobAction, filter: JobFilter): Promise<string[]> {
  return findJobIds(db, QueueAdmin.applicable(action, filter), MAX_COUNTED + 1);
}

function formatted(count: number): string {
  return count.toLocaleString('en');
}

/**
 * The page to return to: the job's, unless the action removed it, or else the list. After a cancellation, the list shows the
 * cancelled jobs, to make the cancellation undoable.
 */
export function backTo({ action, fields, schedule }: Command, doneSince?: Date): string {
  const { queue, id, worker: _worker, schedule: _schedule, count: _count, ...rest } = fields;
  if (schedule !== undefined) return '/admin/jobs/schedules';
  if (!isJobAction(action)) return '/admin/jobs';
  if (id && queue && action !== 'delete' && action !== 'redrive') return `/admin/jobs/job/${queue}/${id}`;
  const cancelled = doneSince && action === 'cancel' && { state: 'cancelled', ended: momentField(doneSince) };
  return withFields('/admin/jobs/list', { queue, ...rest, ...cancelled });
}
