import { parseArgs } from 'node:util';
import { buildApp } from './app.ts';
import { loadConfig } from './config.ts';
import { StartupError } from './errors.ts';
import { jobs } from './jobs/index.ts';
import { closeOnSignal, readyOrClose, reportReady, waitForDatabase, workOrClose } from './process.ts';
import { runMain } from './run-main.ts';

/**
 * `npm run server`: runs the web process: config → app → listen → graceful close. It refuses to start on an outdated schema.
 * `--with-worker` also works the queues, for very small sites. `--no-wait` exits at once if the database is unreachable,
 * instead of waiting for up to a minute.
 */
await runMain(async () => {
  const { values } = parseArgs({
    options: { 'with-worker': { type: 'boolean' }, 'no-wait': { type: 'boolean' } },
  });
  const config = loadConfig(undefined, { required: ['DATABASE_URL'] });
  if (!values['no-wait']) await waitForDatabase(config);
  const app = buildApp(config, { role: values['with-worker'] ? 'web-and-worker' : 'web' });
  await readyOrClose(app);
  closeOnSignal(app);
  // Before visitors compete for the connections.
  if (values['with-worker']) await workOrClose(app, jobs, { concurrency: config.workerConcurrency });
  try {
    await app.listen({ host: config.host, port: config.port });
  } catch (error) {
    await app.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(2, `Cannot listen on ${config.host}:${config.port}: ${reason}`, { cause: error });
  }
  reportReady();
});
