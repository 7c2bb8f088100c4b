import { Type } from 'typebox';
import { defineQueue } from '../../src/queue/index.ts';

/** A queue whose jobs do nothing, to measure the queue itself. */
export const noopQueue = defineQueue({
  name: 'noop',
  payload: Type.Object({ n: Type.Integer() }, { additionalProperties: false }),
  retry: { limit: 2, delaySeconds: 1, maxDelaySeconds: 60 },
  timeoutSeconds: 60,
  prefetch: 190, // With the worker's ten slots, as many at a time as bare pg-boss.
});
