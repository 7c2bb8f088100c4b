import { mailPost } from '../domain/subscriptions/mail-post.ts';
import { defineJob } from '../queue/index.ts';
import { postMailQueue } from '../queues.ts';

/** Enqueues the mails with a new post for those who subscribe to its author. */
export default defineJob(postMailQueue, async ({ db, queue, log }, { postId }, { signal }) => {
  const mails = await mailPost({ db, queue }, postId, { signal });
  log.info({ postId, mails }, 'mails with a new post enqueued');
});
