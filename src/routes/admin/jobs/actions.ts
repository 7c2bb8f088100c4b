import type { FastifyInstance } from 'fastify';
import { DomainError, noSuch } from '../../../errors.ts';
import { currentUser, sessionOf } from '../../../plugins/web/session.ts';
import { type JobAction, QueueAdmin } from '../../../queue/admin.ts';
import { recordAction } from '../../../queue/audit.ts';
import { queueContracts } from '../../../queue/contracts.ts';
import type { JobFilter } from '../../../queue/jobs.ts';
import { findJobIds } from '../../../queue/jobs-table.ts';
import { pauseQueue, resumeQueue } from '../../../queue/pause.ts';
import { FilterFields, filterFields, filterFrom, WORK_QUEUES, withFields } from './filter.ts';

/** The confirmation page counts no further than this. */
const MAX_COUNTED = 10_000;

type QueueAction = 'pause' | 'resume' | 'start';

const JOB_ACTIONS: Record<JobAction, string> = {
  retry: 'Retry',
  cancel: 'Cancel',
  run: 'Run now',
  delete: 'Delete',
  redrive: 'Redrive',
};

const DONE: Record<JobAction, string> = {
  retry: 'retried',
  cancel: 'cancelled',
  run: 'started',
  delete: 'deleted',
  redrive: 'redriven',
};

const QUEUE_ACTIONS: Record<QueueAction, string> = {
  pause: 'Pause',
  resume: 'Resume',
  start: 'Run now',
};

/** Actions on jobs and queues: a page asks for confirmation, a POST acts, and the audit log records it. */
export default async function actions(app: FastifyInstance): Promise<void> {
  const { db, queueAdmin } = app;

  app.get('/ask', async (request, reply) => {
    const { action, fields, filter } = readCommand(request.query);
    const question = isJobAction(action)
      ? await questionAboutJobs(action, filter)
      : { label: QUEUE_ACTIONS[action], subject: `queue ${fields.queue}`, count: 1 };
    return reply.page('admin/jobs/ask', {
      title: question.label,
      action,
      fields,
      ...question,
      backHref: backTo(action, fields),
    });
  });

  app.post('/do', { config: { isLong: true } }, async (request, reply) => {
    const { action, fields, filter } = readCommand(request.readForm(FilterFields).data);
    const { id: userId, username } = currentUser(request);
    const message = isJobAction(action)
      ? await doToJobs(action, filter)
      : await doToQueue(app, action, fields.queue ?? '');
    const subject = withFields('', fields).replace(/^\?/, '') || 'all queues';
    await recordAction(db, { userId, username, action: message, subject });
    await sessionOf(request).flash(message);
    return reply.redirect(backTo(action, fields), 303);
  });

  async function questionAboutJobs(action: JobAction, filter: JobFilter) {
    const ids = await findJobIds(db, QueueAdmin.applicable(action, filter), MAX_COUNTED + 1);
    const count = ids.length > MAX_COUNTED ? `more than ${MAX_COUNTED.toLocaleString('en')}` : ids.length;
    const subject = `${count} ${count === 1 ? 'job' : 'jobs'} in ${filter.queues.join(', ')}`;
    return { label: JOB_ACTIONS[action], subject, count: ids.length };
  }

  async function doToJobs(action: JobAction, filter: JobFilter): Promise<string> {
    const count = await queueAdmin.act(db, action, filter);
    return `${count} ${count === 1 ? 'job' : 'jobs'} ${DONE[action]}.`;
  }
}

async function doToQueue({ db, queue }: FastifyInstance, action: QueueAction, name: string): Promise<string> {
  if (action === 'pause') {
    await pauseQueue(db, name);
    return `Queue ${name} paused.`;
  }
  if (action === 'resume') {
    await resumeQueue(db, name);
    return `Queue ${name} resumed.`;
  }
  const contract = queueContracts.find((candidate) => candidate.name === name);
  if (contract?.schedule === undefined) throw new DomainError('not-found', 'This queue has no schedule.');
  await queue.send(contract, contract.schedule.payload, { db });
  return '1 job started.';
}

/**
 * Reads an action and the jobs or queue it is for.
 *
 * @throws DomainError `not-found` for an unknown action or queue
 */
function readCommand(source: unknown): {
  action: JobAction | QueueAction;
  fields: FilterFields;
  filter: JobFilter;
} {
  const { action: given = '', after: _after, ...fields } = filterFields(source);
  if (!isJobAction(given) && !isQueueAction(given)) {
    throw new DomainError('not-found', 'No such action.');
  }
  if (isQueueAction(given) && !WORK_QUEUES.includes(fields.queue ?? '')) {
    throw noSuch('queue');
  }
  return { action: given, fields, filter: filterFrom(fields) };
}

function isJobAction(action: string): action is JobAction {
  return Object.hasOwn(JOB_ACTIONS, action);
}

function isQueueAction(action: string): action is QueueAction {
  return Object.hasOwn(QUEUE_ACTIONS, action);
}

/** The page to return to: the job's, unless the action removed it, or the list. */
function backTo(action: JobAction | QueueAction, { queue, id, ...rest }: FilterFields): string {
  if (isQueueAction(action)) return '/admin/jobs';
  if (id && queue && action !== 'delete' && action !== 'redrive') return `/admin/jobs/job/${queue}/${id}`;
  return withFields('/admin/jobs/list', { queue, ...rest });
}
