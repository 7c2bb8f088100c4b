import type { HistoryStep } from '../../../queue/index.ts';

export interface ChartRange {
  readonly name: 'hour' | 'day' | 'week';
  readonly steps: number;
  readonly stepSeconds: HistoryStep;
  /** The name of a step. */
  readonly per: string;
}

/** The plot's size in SVG units. The page stretches it. */
const WIDTH = 600;
const HEIGHT = 160;

/** A line, or a layer of stacked bars. */
export interface Series {
  readonly name: string;
  /** The class of its colour. */
  readonly kind: string;
  /** A value per step; null where there is none. */
  readonly values: readonly (number | null)[];
}

interface Tick {
  readonly label: string;
  /** Its place on the axis, in percent. */
  readonly at: number;
}

/** A chart for the template. */
export interface Chart {
  readonly id: string;
  readonly title: string;
  /** The unit of the vertical axis. */
  readonly unit: string;
  readonly width: number;
  readonly height: number;
  readonly series: readonly Series[];
  readonly bars: readonly { x: number; y: number; width: number; height: number; kind: string }[];
  /** Lines in the syntax of SVG's `points`, interrupted where there are no values. */
  readonly lines: readonly { points: string; kind: string }[];
  readonly verticalTicks: readonly Tick[];
  readonly timeTicks: readonly Tick[];
  /** The steps that have values, for the table: the time and the formatted values. */
  readonly rows: readonly { at: Date; index: number; values: readonly string[] }[];
  readonly steps: number;
  /** Describes the chart in a sentence. */
  readonly summary: string;
}

/** The description of a chart. */
export interface Frame {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly times: readonly Date[];
  readonly range: ChartRange;
}

/** Draws stacked bars. */
export function stack(frame: Frame, series: readonly Series[]): Chart {
  const totals = frame.times.map((_, index) =>
    series.reduce((sum, { values }) => sum + (values[index] ?? 0), 0),
  );
  const highest = Math.max(0, ...totals);
  const top = roundUp(highest);
  const width = WIDTH / frame.times.length;
  const bars = frame.times.flatMap((_, index) => {
    let y = HEIGHT;
    return series.flatMap(({ kind, values }) => {
      const height = ((values[index] ?? 0) / top) * HEIGHT;
      y -= height;
      return height > 0 ? [{ x: index * width, y, width: width * 0.8, height, kind }] : [];
    });
  });
  const verticalTicks = [0, top / 2, top].map((value) => ({
    label: counted(value),
    at: (value / top) * 100,
  }));
  return complete(frame, { series, bars, lines: [], verticalTicks, format: counted, highest });
}

/** The range of pg-boss's histograms, in seconds. */
const MIN_SECONDS = 0.01;
const MAX_SECONDS = 100_000;

/** Draws lines of durations in seconds, on a logarithmic axis. */
export function trace(frame: Frame, series: readonly Series[]): Chart {
  const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
  const highest = Math.max(0, ...known);
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(MIN_SECONDS, highest) / MIN_SECONDS)));
  const heightOf = (value: number) =>
    Math.log10(Math.max(MIN_SECONDS, Math.min(value, MAX_SECONDS)) / MIN_SECONDS) / decades;
  const lines = series.flatMap(({ kind, values }) =>
    runsOf(values).map((run) => ({
      kind,
      points: run
        .map(({ index, value }) => {
          const x = ((index + 0.5) / frame.times.length) * WIDTH;
          return `${x.toFixed(1)},${((1 - heightOf(value)) * HEIGHT).toFixed(1)}`;
        })
        .join(' '),
    })),
  );
  const every = decades > 4 ? 2 : 1;
  const verticalTicks = Array.from({ length: Math.floor(decades / every) + 1 }, (_, index) => ({
    label: spanOf(MIN_SECONDS * 10 ** (index * every)),
    at: ((index * every) / decades) * 100,
  }));
  return complete(frame, { series, bars: [], lines, verticalTicks, format: spanOf, highest });
}

/** Divides values into runs without gaps. A single value is drawn as a short line. */
function runsOf(values: readonly (number | null)[]): { index: number; value: number }[][] {
  const runs: { index: number; value: number }[][] = [];
  let isInRun = false;
  for (const [index, value] of values.entries()) {
    if (value !== null) {
      if (!isInRun) runs.push([{ index: index - 0.4, value }]);
      runs.at(-1)?.push({ index, value });
    }
    isInRun = value !== null;
  }
  return runs;
}

interface Drawing extends Pick<Chart, 'series' | 'bars' | 'lines' | 'verticalTicks'> {
  readonly format: (value: number) => string;
  readonly highest: number;
}

function complete({ times, range, ...frame }: Frame, { format, highest, ...drawing }: Drawing): Chart {
  const rows = times.flatMap((at, index) => {
    const values = drawing.series.map((series) => series.values[index] ?? null);
    const hasValue = values.some((value) => value !== null && value > 0);
    return hasValue
      ? [{ at, index, values: values.map((value) => (value === null ? '–' : format(value))) }]
      : [];
  });
  const summary =
    rows.length === 0
      ? `${frame.title} in the last ${range.name}: nothing`
      : `${frame.title} in the last ${range.name}, ${frame.unit}: at most ${format(highest)}`;
  const timeTicks = ticksOf(times, range);
  return {
    ...frame,
    ...drawing,
    width: WIDTH,
    height: HEIGHT,
    timeTicks,
    rows,
    steps: times.length,
    summary,
  };
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' });
const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: 'UTC' });

/** Labels every fifteen minutes, six hours or day, except at the corner, where the other axis has a label. */
function ticksOf(times: readonly Date[], { name, steps }: ChartRange): Tick[] {
  const every = { hour: 15 * 60, day: 6 * 60 * 60, week: 24 * 60 * 60 }[name] * 1000;
  const format = name === 'week' ? DAY : CLOCK;
  return times.flatMap((at, index) =>
    index > 1 && at.getTime() % every === 0 ? [{ label: format.format(at), at: (index / steps) * 100 }] : [],
  );
}

/** The next of 2, 4, 10, 20, 40, 100, …, because half of it is also a whole number. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [2, 4, 10].map((factor) => factor * power).find((rounded) => rounded >= value) ?? power;
}

function counted(value: number): string {
  return value.toLocaleString('en');
}

/** Formats a duration in seconds in a suitable unit. */
function spanOf(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
