import { buildApp } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config.ts';
import { jobs } from '../../../src/jobs/index.ts';
import { defineJob } from '../../../src/queue/index.ts';
import { noopQueue } from '../noop.ts';

/** The application's worker, with an additional job that does nothing. */
const app = buildApp(loadConfig(), { role: 'worker' });
await app.ready();
await app.queue.work([...jobs, defineJob(noopQueue, async () => {})], {
  concurrency: app.config.workerConcurrency,
});
process.on('message', () => process.send?.(process.memoryUsage.rss()));
process.on('SIGTERM', async () => {
  await app.close();
  process.exit();
});
process.send?.('ready');
