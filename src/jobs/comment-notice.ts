import { noticeComments } from '../domain/comments/notice.ts';
import { defineJob } from '../plugins/queue/job.ts';
import { commentNoticeQueue } from '../queues.ts';

/** Enqueues the mail that tells an author what is new under a post. */
export default defineJob(commentNoticeQueue, ({ db, queue }, { postId }) =>
  noticeComments({ db, queue }, postId),
);
