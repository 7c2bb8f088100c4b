import { noticeComments } from '../domain/comments/notice.ts';
import { defineJob } from '../plugins/queue/job.ts';
import { commentNoticeQueue } from '../queues.ts';

/** Enqueues a mail to a post's author about new comments. */
export default defineJob(commentNoticeQueue, ({ db, queue }, { postId }) =>
  noticeComments({ db, queue }, postId),
);
