import { mean, type Point, slopeOf } from '../support/regression.ts';
import type { Sample } from './sample.ts';

/** The fraction of the run after which everything must be flat. */
const WARM_UP = 1 / 3;

/** The growth during the rest of the run that counts as flat: a fraction of the mean, or a fixed amount if the mean is small. */
const TOLERANCE = 0.1;
const FLOORS: readonly [RegExp, number][] = [
  [/heap/, 5],
  [/memory/, 30], // V8 keeps more or less of it, depending on the load of the machine.
  [/files/, 15], // Connections of clients, too.
  [/connections/, 4],
  [/jobs/, 25],
  [/response time/, 60],
  [/dead/, 5_000],
];

/** A table that grows by less is flat. */
const TABLE_FLOOR = 2 ** 20;

/** Tables that are smaller are not printed. */
const WORTH_PRINTING = 2 ** 20;

export interface Verdict {
  readonly what: string;
  readonly warm: number;
  readonly end: number;
  readonly slopePerHour: number;
  /** Undefined for tables that did not have to be compared with their rows. */
  readonly rowSlopePerHour?: number;
  readonly verdict: 'flat' | 'like its rows' | 'GROWS';
}

/** Judges each series after the warm-up by the line through it. */
export function judge(samples: readonly Sample[]): Verdict[] {
  const kept = samples.slice(Math.floor(samples.length * WARM_UP));
  const names = Object.keys(kept[0]?.values ?? {});
  const values = names
    .map((what) => ({ what, series: seriesOf(kept, ({ values }) => values[what] ?? 0) }))
    .filter(({ series }) => series.length > 0)
    .map(({ what, series }) => judgeValue(what, series));
  const tables = Object.keys(kept[0]?.tables ?? {}).map((table) => judgeTable(table, kept));
  return [
    ...values,
    ...tables.filter(({ end, verdict }) => end * 2 ** 20 >= WORTH_PRINTING || verdict === 'GROWS'),
  ];
}

function judgeValue(what: string, series: readonly Point[]): Verdict {
  const floor = FLOORS.find(([pattern]) => pattern.test(what))?.[1] ?? 0;
  const isFlat = growthOf(series) <= Math.max(floor, TOLERANCE * mean(series.map(({ y }) => y)));
  return { ...describe(what, series), verdict: isFlat ? 'flat' : 'GROWS' };
}

/** A table may grow as fast as its rows: what people write is kept. Dead space may not grow. */
function judgeTable(table: string, samples: readonly Sample[]): Verdict {
  const size = seriesOf(samples, ({ tables }) => (tables[table]?.size ?? 0) / 2 ** 20);
  const rows = seriesOf(samples, ({ tables }) => tables[table]?.rows ?? 0);
  const share = (series: readonly Point[]) =>
    growthOf(series) / Math.max(1e-9, mean(series.map(({ y }) => y)));
  const isFlat = growthOf(size) * 2 ** 20 <= TABLE_FLOOR || share(size) <= TOLERANCE;
  const isLikeRows = share(size) <= share(rows) + TOLERANCE;
  return {
    ...describe(`${table}, MB`, size),
    rowSlopePerHour: slopeOf(rows) * 3600,
    verdict: isFlat ? 'flat' : isLikeRows ? 'like its rows' : 'GROWS',
  };
}

function describe(what: string, series: readonly Point[]) {
  const tenth = Math.max(1, Math.floor(series.length / 10));
  const values = series.map(({ y }) => y);
  return {
    what,
    warm: mean(values.slice(0, tenth)),
    end: mean(values.slice(-tenth)),
    slopePerHour: slopeOf(series) * 3600,
  };
}

/** How much the line through a series rises. */
function growthOf(series: readonly Point[]): number {
  return slopeOf(series) * ((series.at(-1)?.x ?? 0) - (series[0]?.x ?? 0));
}

function seriesOf(samples: readonly Sample[], read: (sample: Sample) => number): Point[] {
  return samples.map((sample) => ({ x: sample.at, y: read(sample) })).filter(({ y }) => Number.isFinite(y));
}
