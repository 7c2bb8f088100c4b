import type { FastifyInstance } from 'fastify';
import { countBounced } from '../../../domain/mail/bounce.ts';
import { listOpenBreakers } from '../../../queue/breaker.ts';
import { countJobs } from '../../../queue/jobs-table.ts';
import { listPausedQueues } from '../../../queue/pause.ts';
import { listLiveWorkers } from '../../../queue/presence.ts';
import { drawBacklog, drawThroughput, RANGES } from './chart.ts';
import { WORK_QUEUES } from './filter.ts';

/** The first page: queues, workers and schedules. */
export default async function overview(app: FastifyInstance): Promise<void> {
  const { db, queueAdmin } = app;

  app.get<{ Querystring: { range?: unknown } }>('/', async (request, reply) => {
    const range = RANGES.find(({ name }) => name === request.query.range) ?? RANGES[0];
    const [counts, paused, workers, schedules, bounced, breakers] = await Promise.all([
      countJobs(db, WORK_QUEUES),
      listPausedQueues(db),
      listLiveWorkers(db),
      queueAdmin.schedules(),
      countBounced(db),
      listOpenBreakers(db),
    ]);
    const queues = counts.map((count) => ({ ...count, isPaused: paused.has(count.queue) }));
    const waiting = queues.reduce((sum, { ready }) => sum + ready, 0);
    return reply.page('admin/jobs/overview', {
      title: 'Jobs',
      queues,
      workers,
      schedules,
      bounced,
      breakers,
      isAbandoned: waiting > 0 && workers.length === 0,
      waiting,
      ranges: RANGES,
      range,
      ...(range && (await charts(range))),
    });
  });

  async function charts(range: (typeof RANGES)[number]) {
    const from = new Date(Date.now() - range.seconds * 1000);
    const { stepSeconds } = range;
    const points = await Promise.all(
      WORK_QUEUES.map((name) => queueAdmin.stats(name, { from, stepSeconds })),
    );
    return {
      throughput: drawThroughput(points.flat(), from, range),
      backlog: drawBacklog(points.flat(), from, range),
    };
  }
}
