import { machine } from './machine.ts';

/** The environment of a benchmark. */
export interface Bench {
  /** Creates a migrated database of this name. With `--data`, an earlier run may have filled it. */
  databaseUrl(name: string): Promise<string>;
  readonly scale: 'small' | 'large';
}

/** A figure and, if there is one, its reference. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** For requests: latencies in milliseconds, and database queries per request. */
  readonly p50?: number;
  readonly p99?: number;
  readonly queries?: number;
  readonly reference?: { readonly what: string; readonly value: number };
}

/** Prints the figures, each with its reference and their ratio. */
export function printTable(rows: readonly Row[]): void {
  const table = [['', '', '', 'p50 ms', 'p99 ms', 'queries', 'ratio', 'to'], ...rows.map(cells)];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const isText = (column: number) => [0, 2, 7].includes(column);
  console.log(`\n${machine()}\n`);
  for (const row of table) {
    const line = row.map((cell, column) =>
      isText(column) ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(line.join('  ').trimEnd());
  }
}

function cells({ what, value, unit, p50, p99, queries, reference }: Row): string[] {
  const ratio = reference && (value / reference.value).toFixed(2);
  const to = reference && `${reference.what} (${format(reference.value)})`;
  return [what, format(value), unit, format(p50), format(p99), format(queries), ratio ?? '', to ?? ''];
}

function format(value: number | undefined): string {
  if (value === undefined) return '';
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

/** The value that a share of the values lies below, e.g. 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
