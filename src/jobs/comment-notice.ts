import { notifyAuthor } from '../domain/comments/notice.ts';
import { commentNoticeQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Enqueues a mail to a post's author about new comments. */
export default defineJob(commentNoticeQueue, ({ db, queue }, { postId }) =>
  notifyAuthor({ db, queue }, postId),
);
