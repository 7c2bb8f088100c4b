import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/process.ts';
import { benchApi } from './bench/api.ts';
import { benchJobs } from './bench/jobs.ts';
import { machine } from './bench/machine.ts';
import { printTable, type Row } from './bench/table.ts';
import { migrateToLatest } from './support/migrate.ts';
import { openCluster } from './support/postgres-cluster.ts';

/** Each measures one part of the system against a bare reference, in a database of its own. */
const BENCHMARKS: Record<string, (databaseUrl: string) => Promise<Row[]>> = {
  jobs: benchJobs,
  api: benchApi,
};

/** `npm run bench -- jobs`: prints figures, each beside its reference of the same run. `--json` is for machines. */
await runMain(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  });
  const names = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
  for (const name of names) {
    if (BENCHMARKS[name] === undefined) {
      throw new StartupError(2, `"${name}" is no benchmark; give some of ${Object.keys(BENCHMARKS)}`);
    }
  }
  const rows: Row[] = [];
  for (const name of names) rows.push(...(await withFreshDatabase(BENCHMARKS[name] ?? benchJobs)));
  if (values.json) console.log(JSON.stringify({ machine: machine(), rows }, null, 2));
  else printTable(rows);
});

/** PostgreSQL with its default settings, which a site would have: what is committed is on the disk. */
async function withFreshDatabase(benchmark: (databaseUrl: string) => Promise<Row[]>): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pennypost-bench-'));
  const cluster = await openCluster(join(folder, 'postgres'));
  try {
    const databaseUrl = cluster.url('postgres');
    await migrateToLatest(databaseUrl, () => {});
    return await benchmark(databaseUrl);
  } finally {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
