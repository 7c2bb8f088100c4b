import { machine } from './machine.ts';

/** What a benchmark has to work with. */
export interface Bench {
  /** A migrated database of this name; with `--data`, one that may have been filled by an earlier run. */
  databaseUrl(name: string): Promise<string>;
  readonly scale: 'small' | 'large';
}

/** One measured figure and, where there is one, what it is compared with. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Of requests: milliseconds, and what one of them asks of the database. */
  readonly p50?: number;
  readonly p99?: number;
  readonly queries?: number;
  readonly reference?: { readonly what: string; readonly value: number };
}

/** Prints the figures side by side, each with its reference and the ratio of the two. */
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

/** The value below which a share of the values lies, e.g. 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
