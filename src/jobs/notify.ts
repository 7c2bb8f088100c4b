import { notify } from '../domain/notifications/notify.ts';
import { defineJob } from '../queue/index.ts';
import { notifyQueue } from '../queues.ts';

/** Writes the notifications of one cause. */
export default defineJob(notifyQueue, ({ db, queue }, cause) => notify({ db, queue }, cause));
