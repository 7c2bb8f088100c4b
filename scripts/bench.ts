import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { ConfigError } from '../src/config.ts';
import { runMain } from '../src/process.ts';
import { benchApi } from './bench/api.ts';
import { benchJobs } from './bench/jobs.ts';
import { machine } from './bench/machine.ts';
import { benchPages } from './bench/pages.ts';
import { type Bench, printTable, type Row } from './bench/table.ts';
import { migrateToLatest } from './support/migrate.ts';
import { openCluster } from './support/postgres-cluster.ts';

/** Each measures one part of the system against a bare reference of the same run. */
const BENCHMARKS: Record<string, (bench: Bench) => Promise<Row[]>> = {
  pages: benchPages,
  api: benchApi,
  jobs: benchJobs,
};

/**
 * `npm run bench -- pages`: prints figures, each beside its reference of the same run. `--json` is for machines;
 * `--scale large` has a million posts; `--data FOLDER` keeps what was seeded for the next run.
 */
await runMain(async () => {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      scale: { type: 'string', default: 'small' },
      data: { type: 'string' },
    },
  });
  const benchmarks = positionals.length > 0 ? positionals : Object.keys(BENCHMARKS);
  const { scale } = values;
  const problems = benchmarks
    .filter((name) => BENCHMARKS[name] === undefined)
    .map((name) => `"${name}" is no benchmark; give some of ${Object.keys(BENCHMARKS).join(', ')}`);
  if (scale !== 'small' && scale !== 'large') {
    throw new ConfigError([...problems, `--scale: "${scale}" is not accepted; give small or large`]);
  }
  if (problems.length > 0) throw new ConfigError(problems);

  const rows: Row[] = [];
  await withCluster(values.data, async (databaseUrl) => {
    for (const name of benchmarks) rows.push(...((await BENCHMARKS[name]?.({ databaseUrl, scale })) ?? []));
  });
  if (values.json) console.log(JSON.stringify({ machine: machine(), rows }, null, 2));
  else printTable(rows);
});

/** PostgreSQL with its default settings, which a site would have: what is committed is on the disk. */
async function withCluster(
  keptIn: string | undefined,
  measure: (databaseUrl: Bench['databaseUrl']) => Promise<void>,
): Promise<void> {
  const folder = keptIn === undefined ? await mkdtemp(join(tmpdir(), 'pennypost-bench-')) : resolve(keptIn);
  const cluster = await openCluster(join(folder, 'postgres'));
  try {
    await measure(async (name) => {
      await createDatabase(cluster.url('postgres'), name);
      await migrateToLatest(cluster.url(name), () => {});
      return cluster.url(name);
    });
  } finally {
    await cluster.stop();
    if (keptIn === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function createDatabase(maintenanceUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: maintenanceUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
}
