/** Rows per query: five megabytes of the longest texts. */
export const PAGE_SIZE = 100;

/** One file of an export. */
export interface Entry {
  readonly name: string;
  content(): AsyncGenerator<string | Buffer>;
}

/** The owner of the export, and how to report progress. */
export interface Options {
  readonly userId: number;
  /** Called with the number of posts and comments written since the last call. */
  readonly report: (rows: number) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Writes rows as a JSON array. */
export async function* asJson<Row>(
  pages: AsyncIterable<readonly Row[]>,
  shape: (row: Row) => object,
): AsyncGenerator<string> {
  let separator = '[\n';
  for await (const rows of pages) {
    if (rows.length === 0) continue;
    yield separator + rows.map((row) => JSON.stringify(shape(row))).join(',\n');
    separator = ',\n';
  }
  yield separator === '[\n' ? '[]\n' : '\n]\n';
}
