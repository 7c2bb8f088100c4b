import type { FastifyInstance } from 'fastify';
import { ALL_QUEUES } from '../../../all-queues.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import { isDeadLetter, JOB_STATES, listJobs } from '../../../queue/index.ts';
import { redactionFor } from './clearance.ts';
import { LABELS } from './commands.ts';
import { filterFields, momentField, searchFrom, withFields } from './filter.ts';
import { ACTIONS, DEAD_ACTIONS, STATE_NAMES } from './states.ts';

const PAGE_SIZE = 50;

/** Lists of jobs. */
export default async function list(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get('/list', async (request, reply) => {
    const { after, action: _action, ...fields } = filterFields(request.query);
    const filter = await searchFrom(request, fields);
    const page = await listJobs(db, filter, { size: PAGE_SIZE, after });
    const redaction = redactionFor(sessionOf(request).user);
    const isDead = isDeadLetter(fields.queue ?? '');
    const [state] = filter.states ?? [];
    const searched = page.searchedFrom && momentField(page.searchedFrom);
    return reply.page('admin/jobs/list', {
      title: fields.queue ? `Jobs in ${fields.queue}` : 'All jobs',
      jobs: page.jobs.map((job) => ({
        ...job,
        isDead,
        data: JSON.stringify(redaction.value(job.data)),
        message: redaction.text(job.message ?? ''),
      })),
      searchedFrom: page.searchedFrom,
      nextHref: page.next && withFields('/admin/jobs/list', { ...fields, after: page.next }),
      // Older jobs were not searched yet.
      askHref: (action: string) =>
        withFields('/admin/jobs/ask', { ...fields, action, from: fields.from || searched }),
      actions: isDead
        ? DEAD_ACTIONS
        : state === undefined
          ? ['retry', 'run', 'cancel', 'delete']
          : ACTIONS[state],
      presets: presetsFor(fields.queue),
      fields,
      queues: ALL_QUEUES,
      states: JOB_STATES,
      stateNames: STATE_NAMES,
      labels: LABELS,
    });
  });
}

/** Links for common filters. Others can be bookmarked. */
function presetsFor(queue: string | undefined) {
  const work = queue?.replace(/\.dead$/, '');
  const hourAgo = momentField(new Date(Date.now() - 60 * 60 * 1000)).slice(0, 16);
  const link = (label: string, fields: Record<string, string | undefined>) => ({
    label,
    href: withFields('/admin/jobs/list', { queue: work, ...fields }),
  });
  return [
    link('Running', { state: 'active' }),
    link('Retrying', { state: 'retrying' }),
    link('Scheduled', { state: 'deferred' }),
    link('Blocked', { state: 'blocked' }),
    link('Failed', { state: 'failed' }),
    link('Created in the last hour', { from: hourAgo }),
    ...(work ? [link('Dead', { queue: `${work}.dead` })] : []),
  ];
}
