import { noticeComments } from '../domain/comments/notice.ts';
import { commentNoticeQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Enqueues the mail that tells an author what is new under a post. */
export default defineJob(commentNoticeQueue, ({ db, queue }, { postId }) =>
  noticeComments({ db, queue }, postId),
);
