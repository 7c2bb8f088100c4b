import { withEmptyDatabase } from '../bench/cluster.ts';
import { machine } from '../bench/machine.ts';
import { type SoakReport, soak } from './run.ts';
import { judge, type Verdict } from './verdict.ts';

/**
 * Runs `npm run soak`. Sets the exit code if something grows or fails.
 *
 * @param options.database the URL of an empty, migrated database; without one, it starts its own PostgreSQL
 */
export async function runSoak({
  minutes,
  database,
}: {
  minutes: number;
  database?: string | undefined;
}): Promise<void> {
  await withEmptyDatabase(database, async (databaseUrl) => {
    const report = await soak(databaseUrl, { seconds: minutes * 60 }, console.log);
    const verdicts = judge(report.samples);
    print(report, verdicts);
    const hasGrown = verdicts.some(({ verdict }) => verdict === 'GROWS');
    if (hasGrown || report.failures.length > 0) process.exitCode = 1;
  });
}

function print(
  { samples, actions, mails, refused, shed, failures }: SoakReport,
  verdicts: readonly Verdict[],
): void {
  console.log(`\n${machine()}\n`);
  const table = [
    ['', 'warm', 'end', 'per hour', 'rows per hour', ''],
    ...verdicts.map(({ what, warm, end, slopePerHour, rowSlopePerHour, verdict }) => [
      what,
      ...[warm, end, slopePerHour, rowSlopePerHour].map(format),
      verdict,
    ]),
  ];
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of table) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join('  ').trimEnd());
  }
  console.log(
    `\n${actions} actions and ${mails} mails in ${(samples.at(-1)?.at ?? 0).toFixed(0)} s, ${refused} attempts refused, ${shed} requests shed, ${failures.length} failures.`,
  );
  for (const failure of [...new Set(failures)].slice(0, 20)) console.error(`FAULT: ${failure}`);
}

function format(value: number | undefined): string {
  return value === undefined ? '' : value.toFixed(1);
}
