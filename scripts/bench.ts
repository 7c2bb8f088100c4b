import { parseArgs } from 'node:util';
import { ConfigError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { benchApi } from './bench/api.ts';
import { withCluster } from './bench/cluster.ts';
import { benchErasure } from './bench/erasure.ts';
import { benchJobs } from './bench/jobs.ts';
import { machine } from './bench/machine.ts';
import { benchOverload } from './bench/overload.ts';
import { benchPages } from './bench/pages.ts';
import { benchSearch } from './bench/search.ts';
import { type Bench, printTable, type Row } from './bench/table.ts';
import { benchWrites } from './bench/writes.ts';

/** Each compares a part of the system with a bare reference in the same run. */
const BENCHMARKS: Record<string, (bench: Bench) => Promise<Row[]>> = {
  pages: benchPages,
  api: benchApi,
  jobs: benchJobs,
  writes: benchWrites,
  overload: benchOverload,
  search: benchSearch,
  erasure: benchErasure,
};

/**
 * `npm run bench -- NAME`: runs a benchmark, and prints its figures beside those of a bare reference from the same run: `pages`,
 * `api`, `jobs`, `writes`, `overload`, `search` or `erasure`. `--json` prints JSON, `--scale large` seeds a million posts, `--data FOLDER`
 * keeps the seeded data for the next run.
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
    .map((name) => `"${name}" is not a benchmark; choose from ${Object.keys(BENCHMARKS).join(', ')}`);
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
