import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withEmptyDatabase } from '../bench/cluster.ts';
import { machine } from '../bench/machine.ts';
import { type Finding, Fuzzer, type Report } from './run.ts';
import { agent } from './send.ts';
import { FuzzSite } from './site.ts';

/** Where the requests of findings are stored. */
const FOLDER = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'fuzz');

/** Names a finding, for `--replay`. */
const SEED_AND_PATH = /^(-?\d+):([\d:]+)$/;

/** Fewer requests do not warm the process up, so its memory says nothing. */
const ENOUGH_FOR_MEMORY = 20_000;

/** The growth of memory that is accepted after the warm-up. */
const MAX_GROWTH = 1.2;

/** What `npm run fuzz` was asked for. */
export interface FuzzOptions {
  readonly requests: number;
  readonly seed: number;
  /** In seconds. */
  readonly deadline: number;
  /** A finding: its seed and path, or the file that has its requests. */
  readonly replay?: string | undefined;
  /** The URL of a migrated database, empty or of an earlier run; without one, it starts its own PostgreSQL. */
  readonly database?: string | undefined;
}

/** Runs `npm run fuzz`. Sets the exit code if something was found. */
export async function runFuzz(options: FuzzOptions): Promise<void> {
  await withEmptyDatabase(options.database, async (databaseUrl) => {
    const site = await FuzzSite.open(databaseUrl);
    try {
      if ((await run(site, options)) > 0) process.exitCode = 1;
    } finally {
      agent.destroy();
      await site.close();
    }
  });
}

/** Returns the number of findings. */
async function run(site: FuzzSite, options: FuzzOptions): Promise<number> {
  const { replay, deadline } = options;
  const deadlineMs = deadline * 1000;
  const isStored = replay !== undefined && !SEED_AND_PATH.test(replay);
  // Stored requests are complete.
  if (isStored) return printReplay(await replayFile(new Fuzzer(site, { deadlineMs }), replay));
  await site.explore();
  const fuzzer = new Fuzzer(site, { deadlineMs });
  return replay === undefined ? fuzz(site, fuzzer, options) : printReplay(await replaySeed(fuzzer, replay));
}

async function fuzz(
  site: FuzzSite,
  fuzzer: Fuzzer,
  options: { requests: number; seed: number },
): Promise<number> {
  console.log(`Seed ${options.seed}, ${site.routes.length} routes, ${site.harvest.forms.length} forms.`);
  const report = await fuzzer.run(options, console.log);
  await mkdir(FOLDER, { recursive: true });
  for (const finding of report.findings) {
    const file = join(FOLDER, `${finding.replay.replaceAll(':', '-')}.json`);
    await writeFile(file, JSON.stringify(finding.requests, null, 2));
    console.error(
      `FAULT: ${finding.faults.join('\n  ')}\n  npm run fuzz -- --replay ${finding.replay}\n  npm run fuzz -- --replay ${file}`,
    );
  }
  return report.findings.length + printReport(report, site);
}

/** Prints the figures. Returns 1 if the process has grown, otherwise 0. */
function printReport(
  { sent, seconds, statuses, reached, slowestMs, memory, findings }: Report,
  { routes }: FuzzSite,
): number {
  const byStatus = [...statuses]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([status, count]) => `${status}: ${count}`);
  const unreached = new Set(
    routes.filter(({ weight }) => weight > 1).map(({ method, pattern }) => `${method} ${pattern}`),
  ).difference(reached);
  console.log(machine());
  console.log(
    `${sent} requests in ${seconds.toFixed(0)} s (${(sent / seconds).toFixed(0)} a second), the slowest in ${slowestMs.toFixed(0)} ms.`,
  );
  console.log(`Answers by status: ${byStatus.join(', ')}.`);
  console.log(`${reached.size} routes answered with success; never: ${[...unreached].join(', ') || 'none'}.`);
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  console.log(
    `Memory: ${megabytes(memory.warm)} MB when warm, ${megabytes(memory.end)} MB at the end, ${megabytes(memory.slope)} MB per 10,000 requests; live ${megabytes(memory.liveWarm)} and ${megabytes(memory.liveEnd)} MB.`,
  );
  console.log(`${findings.length} faults.`);
  const isFlat = memory.end <= memory.warm * MAX_GROWTH && memory.liveEnd <= memory.liveWarm * MAX_GROWTH;
  if (sent < ENOUGH_FOR_MEMORY || isFlat) return 0;
  console.error('FAULT: the web process grows');
  return 1;
}

/** Prints what a replay has found. Returns the number of findings. */
function printReplay(finding: Finding | undefined): number {
  console.log(finding === undefined ? 'No faults.' : JSON.stringify(finding, null, 2));
  return finding === undefined ? 0 : 1;
}

function replaySeed(fuzzer: Fuzzer, source: string): Promise<Finding | undefined> {
  const [, seed, path = ''] = SEED_AND_PATH.exec(source) ?? [];
  return fuzzer.replay(Number(seed), path);
}

async function replayFile(fuzzer: Fuzzer, file: string): Promise<Finding | undefined> {
  const requests = JSON.parse(await readFile(file, 'utf8'));
  const faults = await fuzzer.send(requests);
  return faults.length === 0 ? undefined : { faults, replay: file, requests };
}
