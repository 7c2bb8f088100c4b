import { eraseAccount } from '../domain/accounts/erase.ts';
import { erasureQueue } from '../queue/contracts.ts';
import { defineJob } from '../queue/job.ts';

/** Erases an account, unless its owner has undone the deletion. */
export default defineJob(erasureQueue, ({ db }, { userId }, { signal, progress }) =>
  eraseAccount(db, userId, { signal, progress }),
);
