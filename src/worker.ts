import { parseArgs } from 'node:util';
import { buildApp } from './app.ts';
import { type Config, loadConfig } from './config.ts';
import { enqueueRendering } from './domain/markdown/render-again.ts';
import { ConfigError, StartupError } from './errors.ts';
import { jobs } from './jobs/index.ts';
import { closeOnSignal, readyOrClose, reportReady, waitForDatabase, workOrClose } from './process.ts';
import { hasConsumingWorker } from './queue/index.ts';
import { runMain } from './run-main.ts';

/**
 * `npm run worker`: runs the worker: config → app → work → graceful close. `--queues=mail,notify` works only these queues,
 * `--concurrency=N` sets the number of concurrent jobs, `--check` exits with 0 if a worker is running, and `--no-wait` exits at
 * once if the database is unreachable.
 */
await runMain(async () => {
  const config = loadConfig(undefined, { required: ['DATABASE_URL'] });
  const options = readOptions(config);
  if (options.isCheck) return checkForLiveWorker(config);

  if (options.waits) await waitForDatabase(config);
  const { concurrency } = options;
  const app = buildApp({ ...config, workerConcurrency: concurrency }, { role: 'worker' });
  await readyOrClose(app);
  closeOnSignal(app);
  await workOrClose(app, options.jobs, { concurrency });
  await enqueueRendering(app).catch((err) =>
    app.log.error({ err }, 'could not enqueue the rendering of old texts'),
  );
  app.log.info({ queues: options.jobs.map(({ contract }) => contract.name), concurrency }, 'working');
  reportReady();
});

function readOptions(config: Config) {
  const { values } = parseArgs({
    options: {
      queues: { type: 'string' },
      concurrency: { type: 'string' },
      check: { type: 'boolean' },
      'no-wait': { type: 'boolean' },
    },
  });
  const known = jobs.map(({ contract }) => contract.name);
  const names = values.queues?.split(',') ?? known;
  const problems = names
    .filter((name) => !known.includes(name))
    .map((name) => `--queues: "${name}" is not a queue; choose from ${known.join(', ')}`);

  const concurrency = Number(values.concurrency ?? config.workerConcurrency);
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 1000) {
    problems.push(
      `--concurrency: "${values.concurrency}" is not accepted; give a whole number from 1 to 1000`,
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    jobs: jobs.filter(({ contract }) => names.includes(contract.name)),
    concurrency,
    isCheck: values.check ?? false,
    waits: !values['no-wait'],
  };
}

/** For a container's health check: succeeds if a worker has recently reported that it is working queues. */
async function checkForLiveWorker(config: Config): Promise<void> {
  const app = buildApp({ ...config, logLevel: 'silent' }, { role: 'command' });
  await readyOrClose(app);
  try {
    if (!(await hasConsumingWorker(app.db))) throw new StartupError(1, 'No worker is running.');
    process.stdout.write('A worker is running.\n');
  } finally {
    await app.close();
  }
}
