import type { FastifyInstance } from 'fastify';
import { sessionOf } from '../../../plugins/web/session.ts';
import { type AuditEntry, findJob, findRelations, isDeadLetter, listActions } from '../../../queue/index.ts';
import { redactionFor } from './clearance.ts';
import { LABELS } from './commands.ts';
import { filterFrom, noSuchJob, withFields } from './filter.ts';
import { ACTIONS, DEAD_ACTIONS, STATE_NAMES } from './states.ts';

const AUDIT_SIZE = 200;

/** Single jobs with their attempts, and the audit log. */
export default async function job(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get<{ Params: { queue: string; id: string } }>('/job/:queue/:id', async (request, reply) => {
    const { queue } = request.params;
    const { id } = filterFrom(request.params);
    const job = id === undefined ? undefined : await findJob(db, queue, id);
    if (job === undefined) throw noSuchJob();
    const redaction = redactionFor(sessionOf(request).user);
    const isDead = isDeadLetter(queue);
    const relations = await findRelations(db, job);
    const actions = isDead ? DEAD_ACTIONS : ACTIONS[job.state];
    return reply.page('admin/jobs/job', {
      title: `Job in ${queue}`,
      job,
      payload: JSON.stringify(redaction.value(job.data), null, 2),
      // The output of other jobs is an error, which the page shows as one.
      output:
        job.state === 'completed' &&
        job.output !== null &&
        JSON.stringify(redaction.value(job.output), null, 2),
      redactText: redaction.text,
      isDead,
      relations,
      originalId: job.sourceId ?? job.id,
      actions: actions.filter((action) => isDead || action !== 'delete' || !relations.isWaitedFor),
      stateNames: STATE_NAMES,
      labels: LABELS,
      askHref: (action: string) => withFields('/admin/jobs/ask', { action, queue, id }),
    });
  });

  app.get('/audit', async (request, reply) => {
    const { hidesPeople } = redactionFor(sessionOf(request).user);
    const entries = await listActions(db, AUDIT_SIZE);
    const actions = hidesPeople ? entries.map(hideSearch) : entries;
    return reply.page('admin/jobs/audit', { title: 'Audit log', actions });
  });
}

/** Redacts an Operator's search, which may contain an address. */
function hideSearch(entry: AuditEntry): AuditEntry {
  return { ...entry, subject: entry.subject.replace(/\btext=[^&]*/, 'text=[redacted]') };
}
