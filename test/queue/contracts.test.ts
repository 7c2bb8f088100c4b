import t from 'tap';
import type { Db } from '../../src/database/schema.ts';
import { jobs } from '../../src/jobs/index.ts';
import { commentNoticeQueue, mailQueue, type Queue, queueContracts } from '../../src/queue/contracts.ts';

t.test('every queue has one job, and every job its queue', async (t) => {
  t.same(jobs.map(({ contract }) => contract.name).sort(), queueContracts.map(({ name }) => name).sort());
});

t.test('the payload of a schedule fits its own contract', async (t) => {
  for (const contract of queueContracts) {
    if (contract.schedule !== undefined) t.ok(contract.isPayload(contract.schedule.payload), contract.name);
  }
});

t.test(
  'a payload that fits no template is refused, naming the field of the template it is for',
  async (t) => {
    t.equal(mailQueue.faultOf({ template: 'export-ready', userId: 1, exportId: 1 }), undefined);
    t.equal(
      mailQueue.faultOf({ template: 'export-ready', userId: 1, exportId: 'x' }),
      '/exportId must be integer',
    );
    t.match(mailQueue.faultOf({ template: 'weekly-digest', userId: 1 }), /week/);
    t.notOk(mailQueue.isPayload({ template: 'confirm-account', userId: 1, postId: 2 }), 'a field of another');
  },
);

/** Never called: that these lines are wrong is what the type checker must say. */
export function doesNotCompile(queue: Queue, db: Db): void {
  void queue.send(commentNoticeQueue, { postId: 1 }, { db });
  // @ts-expect-error A payload of another shape.
  void queue.send(commentNoticeQueue, { postId: 'one' }, { db });
  // @ts-expect-error A field that is missing.
  void queue.send(commentNoticeQueue, {}, { db });
  // @ts-expect-error A field of another template.
  void queue.send(mailQueue, { template: 'confirm-account', userId: 1, postId: 1 }, { db });
  // @ts-expect-error A name is no contract.
  void queue.send('comment-notice', { postId: 1 }, { db });
  // @ts-expect-error Enqueueing without a database, and so outside of any transaction.
  void queue.send(commentNoticeQueue, { postId: 1 }, {});
}
