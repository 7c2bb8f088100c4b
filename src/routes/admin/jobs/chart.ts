import type { StatsPoint } from '../../../queue/admin.ts';

const WIDTH = 600;
const HEIGHT = 120;

export interface ChartRange {
  readonly name: 'hour' | 'day';
  readonly seconds: number;
  readonly stepSeconds: number;
}

export const RANGES: readonly ChartRange[] = [
  { name: 'hour', seconds: 60 * 60, stepSeconds: 60 },
  { name: 'day', seconds: 24 * 60 * 60, stepSeconds: 24 * 60 },
];

/** A chart for the template: bars or a line in a box of 600 by 120. */
export interface Chart {
  readonly width: number;
  readonly height: number;
  readonly max: number;
  readonly total: number;
  readonly bars: readonly { x: number; y: number; width: number; height: number; kind: string }[];
  /** The line's points in SVG syntax. */
  readonly line: string;
}

/** Draws the jobs that ended in each step as stacked bars of completed and failed ones. */
export function drawThroughput(points: readonly StatsPoint[], from: Date, range: ChartRange): Chart {
  const steps = inSteps(points, from, range);
  const max = Math.max(1, ...steps.map(({ completed, failed }) => completed + failed));
  const width = WIDTH / steps.length;
  const bars = steps.flatMap(({ completed, failed }, index) => {
    const x = index * width;
    const done = (completed / max) * HEIGHT;
    const lost = (failed / max) * HEIGHT;
    return [
      { x, y: HEIGHT - done, width: width * 0.8, height: done, kind: 'completed' },
      { x, y: HEIGHT - done - lost, width: width * 0.8, height: lost, kind: 'failed' },
    ].filter(({ height }) => height > 0);
  });
  return {
    ...BOX,
    max,
    total: steps.reduce((sum, { completed, failed }) => sum + completed + failed, 0),
    bars,
    line: '',
  };
}

/** Draws the largest number of ready jobs in each step. */
export function drawBacklog(points: readonly StatsPoint[], from: Date, range: ChartRange): Chart {
  const steps = inSteps(points, from, range);
  const max = Math.max(1, ...steps.map(({ ready }) => ready));
  const line = steps
    .map(({ ready }, index) => {
      const x = (index / Math.max(1, steps.length - 1)) * WIDTH;
      return `${x.toFixed(1)},${(HEIGHT - (ready / max) * HEIGHT).toFixed(1)}`;
    })
    .join(' ');
  return { ...BOX, max, total: steps.at(-1)?.ready ?? 0, bars: [], line };
}

const BOX = { width: WIDTH, height: HEIGHT };

/** Adds up the points in equal steps. Steps without points are zero. */
function inSteps(points: readonly StatsPoint[], from: Date, { seconds, stepSeconds }: ChartRange) {
  const steps = Array.from({ length: Math.ceil(seconds / stepSeconds) }, () => ({
    completed: 0,
    failed: 0,
    ready: 0,
  }));
  for (const { at, completed, failed, ready } of points) {
    const index = Math.floor((at.getTime() - from.getTime()) / 1000 / stepSeconds);
    const step = steps[Math.max(0, Math.min(index, steps.length - 1))];
    if (step === undefined) continue;
    step.completed += completed;
    step.failed += failed;
    step.ready += ready;
  }
  return steps;
}
