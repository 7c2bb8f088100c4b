import t from 'tap';
import { queueContracts } from '../src/all-queues.ts';
import type { Db } from '../src/database/schema.ts';
import { jobs } from '../src/jobs/index.ts';
import type { Queue } from '../src/queue/index.ts';
import { erasureQueue, mailQueue } from '../src/queues.ts';

t.test('every queue has exactly one job', async (t) => {
  t.same(jobs.map(({ contract }) => contract.name).sort(), queueContracts.map(({ name }) => name).sort());
});

t.test('mail is tried for about four days', async (t) => {
  const { limit, delaySeconds, maxDelaySeconds } = mailQueue.retry;
  const delays = Array.from({ length: limit }, (_, retry) =>
    Math.min(delaySeconds * 2 ** retry, maxDelaySeconds),
  );
  const days = delays.reduce((sum, delay) => sum + delay, 0) / 86_400;
  t.ok(days > 4 && days < 4.5, `${days} days`);
});

t.test('a payload that fits no template is refused, naming the invalid field', async (t) => {
  t.equal(mailQueue.describeMismatch({ template: 'export-ready', userId: 1, exportId: 1 }), undefined);
  t.equal(
    mailQueue.describeMismatch({ template: 'export-ready', userId: 1, exportId: 'x' }),
    '/exportId must be integer',
  );
  t.match(mailQueue.describeMismatch({ template: 'weekly-digest', userId: 1 }), /week/);
  t.notOk(
    mailQueue.isPayload({ template: 'confirm-account', userId: 1, postId: 2 }),
    'a field of another template',
  );
});

/** Never called. The type checker must refuse these lines. */
export function doesNotCompile(queue: Queue, db: Db): void {
  void queue.send(erasureQueue, { userId: 1 }, { db });
  // @ts-expect-error A payload of a different shape.
  void queue.send(erasureQueue, { userId: 'one' }, { db });
  // @ts-expect-error A missing field.
  void queue.send(erasureQueue, {}, { db });
  // @ts-expect-error A field of another template.
  void queue.send(mailQueue, { template: 'confirm-account', userId: 1, postId: 1 }, { db });
  // @ts-expect-error A name instead of a contract.
  void queue.send('erasure', { userId: 1 }, { db });
  // @ts-expect-error Enqueueing without a database.
  void queue.send(erasureQueue, { userId: 1 }, {});
}
