import { eraseAccount } from '../domain/accounts/erase.ts';
import { defineJob } from '../queue/index.ts';
import { erasureQueue } from '../queues.ts';

/** Erases an account, unless its owner has undone the deletion. */
export default defineJob(erasureQueue, ({ db }, { userId }, { signal, progress }) =>
  eraseAccount(db, userId, { signal, progress }),
);
