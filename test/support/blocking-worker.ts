// A worker whose jobs block its event loop for as long as their payload says.
import { Type } from 'typebox';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { closeOnSignal } from '../../src/process.ts';
import { defineJob, defineQueue } from '../../src/queue/index.ts';

export const blockingQueue = defineQueue({
  name: 'blocking',
  payload: Type.Object({ milliseconds: Type.Integer() }, { additionalProperties: false }),
  retry: { limit: 2, delaySeconds: 1, maxDelaySeconds: 1 },
  timeoutSeconds: 60,
});

if (import.meta.main) {
  const app = buildApp(loadConfig(), { role: 'worker' });
  await app.ready();
  closeOnSignal(app);
  const job = defineJob(blockingQueue, async (_app, { milliseconds }) => {
    process.stdout.write('blocked\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  });
  await app.queue.work([job], { concurrency: 2 });
}
