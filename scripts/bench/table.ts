import { machine } from './machine.ts';

/** One measured figure and, where there is one, what it is compared with. */
export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly reference?: { readonly what: string; readonly value: number };
}

/** Prints the figures side by side, each with its reference and the ratio of the two. */
export function printTable(rows: readonly Row[]): void {
  console.log(`\n${machine()}\n`);
  const width = Math.max(...rows.map(({ what }) => what.length));
  for (const { what, value, unit, reference } of rows) {
    const figure = `${what.padEnd(width)}  ${format(value).padStart(8)} ${unit}`;
    if (reference === undefined) console.log(figure);
    else {
      const ratio = (value / reference.value).toFixed(2);
      console.log(`${figure.padEnd(width + 18)}  ${ratio} × ${reference.what} (${format(reference.value)})`);
    }
  }
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

/** The value below which a share of the values lies, e.g. 0.99. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
