import type { FastifyInstance } from 'fastify';
import { findJob } from '../../../queue/attempts.ts';
import { listActions } from '../../../queue/audit.ts';
import { JOB_STATES } from '../../../queue/jobs.ts';
import { listJobs } from '../../../queue/jobs-table.ts';
import { redact } from '../../../queue/redact.ts';
import { ALL_QUEUES, DEAD_QUEUES, filterFields, filterFrom, noSuchJob, withFields } from './filter.ts';

const PAGE_SIZE = 50;
const AUDIT_SIZE = 200;

/** Lists of jobs, single jobs with their attempts, and the audit log. */
export default async function list(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get('/list', async (request, reply) => {
    const { after, action: _action, ...fields } = filterFields(request.query);
    const filter = filterFrom(fields);
    const page = await listJobs(db, filter, { size: PAGE_SIZE, after });
    return reply.page('admin/jobs/list', {
      title: fields.queue ? `Jobs in ${fields.queue}` : 'All jobs',
      jobs: page.jobs.map((job) => ({ ...job, data: JSON.stringify(redact(job.data)) })),
      nextHref: page.next && withFields('/admin/jobs/list', { ...fields, after: page.next }),
      askHref: (action: string) => withFields('/admin/jobs/ask', { action, ...fields }),
      isDead: DEAD_QUEUES.includes(fields.queue ?? ''),
      fields,
      queues: ALL_QUEUES,
      states: JOB_STATES,
    });
  });

  app.get<{ Params: { queue: string; id: string } }>('/job/:queue/:id', async (request, reply) => {
    const { queue } = request.params;
    const { id } = filterFrom(request.params);
    const job = id === undefined ? undefined : await findJob(db, queue, id);
    if (job === undefined) throw noSuchJob();
    return reply.page('admin/jobs/job', {
      title: `Job in ${queue}`,
      job,
      payload: JSON.stringify(redact(job.data), null, 2),
      output: job.output === null ? undefined : JSON.stringify(redact(job.output), null, 2),
      isDead: DEAD_QUEUES.includes(queue),
      askHref: (action: string) => withFields('/admin/jobs/ask', { action, queue, id }),
    });
  });

  app.get('/audit', async (_request, reply) =>
    reply.page('admin/jobs/audit', { title: 'Audit log', actions: await listActions(db, AUDIT_SIZE) }),
  );
}
