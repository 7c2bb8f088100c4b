// A worker whose jobs block its event loop, or a thread, for as long as their payload says.
import { Type } from 'typebox';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { closeOnSignal } from '../../src/process.ts';
import { defineJob, defineQueue } from '../../src/queue/index.ts';
import { OBEY } from './programs.ts';

const settings = {
  payload: Type.Object({ milliseconds: Type.Integer() }, { additionalProperties: false }),
  retry: { limit: 2, delaySeconds: 1, maxDelaySeconds: 1 },
  timeoutSeconds: 60,
};

export const blockingQueue = defineQueue({ ...settings, name: 'blocking' });

/** The same in a thread. */
export const computingQueue = defineQueue({ ...settings, name: 'computing', runs: 'thread' });

/** In order, one after another. */
export const orderedQueue = defineQueue({
  ...settings,
  name: 'ordered',
  key: { of: () => 'all', rule: 'in-order' },
});

if (import.meta.main) {
  const app = buildApp(loadConfig(), { role: 'worker' });
  await app.ready();
  closeOnSignal(app);
  const blocking = [blockingQueue, orderedQueue].map((queue) =>
    defineJob(queue, async (_app, { milliseconds }) => {
      process.stdout.write('blocked\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
    }),
  );
  const computing = defineJob(computingQueue, async (_app, { milliseconds }, { compute }) => {
    process.stdout.write('computes\n');
    await compute(OBEY, { of: 'block', milliseconds });
  });
  await app.queue.work([...blocking, computing], { concurrency: 2 });
}
