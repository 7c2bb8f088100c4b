import { notify } from '../domain/notifications/notify.ts';
import { notifyQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Writes the notifications of one cause. */
export default defineJob(notifyQueue, ({ db, queue }, cause) => notify({ db, queue }, cause));
