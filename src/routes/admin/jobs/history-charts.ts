import { type DurationPoint, type HistoryPoint, PERCENTILES } from '../../../queue/index.ts';
import { type Chart, type ChartRange, type Series, stack, trace } from './chart.ts';

export const RANGES = [
  { name: 'hour', steps: 60, stepSeconds: 60, per: 'minute' },
  { name: 'day', steps: 96, stepSeconds: 900, per: '15 minutes' },
  { name: 'week', steps: 84, stepSeconds: 7200, per: '2 hours' },
] as const satisfies readonly ChartRange[];

/** Queues with their own colour in a chart. */
const MAX_QUEUES = 5;

/** The beginnings of a range's steps up to now, oldest first. */
export function timesOf({ steps, stepSeconds }: ChartRange, now: Date): Date[] {
  const newest = Math.floor(now.getTime() / 1000 / stepSeconds);
  return Array.from(
    { length: steps },
    (_, index) => new Date((newest - steps + 1 + index) * stepSeconds * 1000),
  );
}

/** Draws how many attempts ended, by outcome. */
export function drawOutcomes(
  points: readonly HistoryPoint[],
  times: readonly Date[],
  range: ChartRange,
): Chart {
  const series = (['completed', 'retried', 'failed'] as const).map((outcome) => ({
    name: outcome,
    kind: outcome,
    values: sums(points, times, (point) => point[outcome]),
  }));
  const frame = { id: 'outcomes', title: 'Throughput', unit: `attempts per ${range.per}`, times, range };
  return stack(frame, series);
}

/** Draws how many jobs each queue completed. */
export function drawCompleted(
  points: readonly HistoryPoint[],
  times: readonly Date[],
  range: ChartRange,
): Chart {
  const frame = { id: 'completed', title: 'Completed by queue', unit: `jobs per ${range.per}`, times, range };
  return stack(frame, byQueue(points, times, 'completed'));
}

/** Draws the most jobs that were ready in each step. */
export function drawBacklog(
  points: readonly HistoryPoint[],
  times: readonly Date[],
  range: ChartRange,
): Chart {
  const frame = { id: 'backlog', title: 'Backlog by queue', unit: 'ready jobs', times, range };
  return stack(frame, byQueue(points, times, 'ready'));
}

/** Draws percentiles of how long jobs waited or ran, on a logarithmic axis. */
export function drawDurations(
  which: 'wait' | 'run',
  points: readonly DurationPoint[],
  times: readonly Date[],
  range: ChartRange,
): Chart {
  const byTime = new Map(points.map((point) => [point.at.getTime(), point]));
  const series = PERCENTILES.map((percent, index) => ({
    name: `p${percent}`,
    kind: `p${percent}`,
    values: times.map((at) => byTime.get(at.getTime())?.[which][index] ?? null),
  }));
  const title = which === 'wait' ? 'Wait time' : 'Run time';
  return trace({ id: which, title, unit: 'logarithmic', times, range }, series);
}

function sums(
  points: readonly HistoryPoint[],
  times: readonly Date[],
  numberOf: (point: HistoryPoint) => number,
): number[] {
  const totals = new Map<number, number>();
  for (const point of points) {
    const time = point.at.getTime();
    totals.set(time, (totals.get(time) ?? 0) + numberOf(point));
  }
  return times.map((at) => totals.get(at.getTime()) ?? 0);
}

/** A series for each of the busiest queues, and one for all others. */
function byQueue(
  points: readonly HistoryPoint[],
  times: readonly Date[],
  key: 'completed' | 'ready',
): Series[] {
  const queues = [...Map.groupBy(points, ({ queue }) => queue)]
    .map(([name, own]) => ({ name, own, total: own.reduce((sum, point) => sum + point[key], 0) }))
    .filter(({ total }) => total > 0)
    .toSorted((one, other) => other.total - one.total || one.name.localeCompare(other.name));
  const shown = queues.slice(0, MAX_QUEUES).map(({ name, own }, index) => ({
    name,
    kind: `queue-${index + 1}`,
    values: sums(own, times, (point) => point[key]),
  }));
  const rest = queues.slice(MAX_QUEUES).flatMap(({ own }) => own);
  if (rest.length === 0) return shown;
  return [
    ...shown,
    { name: 'others', kind: 'queue-others', values: sums(rest, times, (point) => point[key]) },
  ];
}
