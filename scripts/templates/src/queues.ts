import { fields, id } from './payloads.ts';
import { DATABASE_ONLY, defineQueue } from './queue/index.ts';

/** Says what the queue's jobs do. */
export const exampleNameQueue = defineQueue({
  name: 'example-name',
  payload: fields({ userId: id() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30,
});
