import type { FastifyInstance } from 'fastify';
import { WORK_QUEUES } from '../../../all-queues.ts';
import { type HistoryPoint, readDurationHistory, readHistory } from '../../../queue/index.ts';
import {
  drawBacklog,
  drawCompleted,
  drawDurations,
  drawOutcomes,
  RANGES,
  timesOf,
} from './history-charts.ts';

interface Query {
  readonly range?: unknown;
  readonly queue?: unknown;
}

/** The charts of all queues or one. */
export default async function charts(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get<{ Querystring: Query }>('/charts', async (request, reply) => {
    const range = rangeFrom(request.query.range);
    const queue = WORK_QUEUES.find((name) => name === request.query.queue);
    const times = timesOf(range, new Date());
    const [from = new Date()] = times;
    const span = { from, step: range.stepSeconds, queues: queue === undefined ? WORK_QUEUES : [queue] };
    const [points, durations] = await Promise.all([readHistory(db, span), readDurationHistory(db, span)]);
    return reply.page('admin/jobs/charts', {
      title: queue === undefined ? 'Charts of jobs' : `Charts of ${queue}`,
      ranges: RANGES,
      range,
      queue,
      queues: WORK_QUEUES,
      charts: [
        drawOutcomes(points, times, range),
        ...(queue === undefined ? [drawCompleted(points, times, range)] : []),
        drawBacklog(points, times, range),
        drawDurations('wait', durations, times, range),
        drawDurations('run', durations, times, range),
      ],
    });
  });
}

/** The range that a query names; otherwise the last hour. */
function rangeFrom(name: unknown) {
  return RANGES.find((range) => range.name === name) ?? RANGES[0];
}

/** The overview's charts, of the last hour. */
export function hourlyCharts(points: readonly HistoryPoint[]) {
  const [range] = RANGES;
  const times = timesOf(range, new Date());
  return [drawOutcomes(points, times, range), drawBacklog(points, times, range)];
}
