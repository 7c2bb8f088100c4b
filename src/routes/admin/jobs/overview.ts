import type { FastifyInstance } from 'fastify';
import { WORK_QUEUES } from '../../../all-queues.ts';
import { countBounced } from '../../../domain/mail/bounce.ts';
import { findMailFailures } from '../../../domain/mail/outage.ts';
import { sessionOf } from '../../../plugins/web/session.ts';
import {
  countJobs,
  type HistoryPoint,
  listLiveWorkers,
  listLostWorkers,
  listOpenBreakers,
  listPausedQueues,
  readHistory,
} from '../../../queue/index.ts';
import { mailQueue } from '../../../queues.ts';
import { hourlyCharts } from './charts.ts';
import { redactionFor } from './clearance.ts';
import { RANGES, timesOf } from './history-charts.ts';
import { findTrouble, PACE_MINUTES } from './trouble.ts';

/** The first page: problems, queues and workers. */
export default async function overview(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get('/', async (request, reply) => {
    const [from = new Date()] = timesOf(RANGES[0], new Date());
    const [counts, paused, workers, lost, bounced, failures, history, breakers] = await Promise.all([
      countJobs(db, WORK_QUEUES),
      listPausedQueues(db),
      listLiveWorkers(db),
      listLostWorkers(db),
      countBounced(db),
      findMailFailures(db),
      readHistory(db, { from, step: 60, queues: WORK_QUEUES }),
      listOpenBreakers(db),
    ]);
    const queues = counts.map((count) => ({ ...count, isPaused: paused.has(count.queue) }));
    const broken = breakers.map(({ queue }) => queue);
    const isMailOut = app.mailOutage.since !== undefined;
    const situation = { queues, workers, lost, mailQueue: mailQueue.name, failures, isMailOut, broken };
    return reply.page('admin/jobs/overview', {
      title: 'Jobs',
      queues,
      workers,
      bounced,
      breakers,
      trouble: findTrouble({ ...situation, history: recent(history) }),
      dead: queues.reduce((sum, { dead }) => sum + dead, 0),
      charts: hourlyCharts(history),
      redactText: redactionFor(sessionOf(request).user).text,
    });
  });
}

/** The points from which a queue's pace is computed. */
function recent(history: readonly HistoryPoint[]): HistoryPoint[] {
  const from = Date.now() - PACE_MINUTES * 60_000;
  return history.filter(({ at }) => at.getTime() >= from);
}
