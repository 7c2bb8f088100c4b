import t from 'tap';
import { exampleNameQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { deadLettersOf, drain, jobsOf } from '../support/jobs.ts';

t.test('the job is done, and fails for good if its account is gone', async (t) => {
  const app = await build(t);
  const { db, queue } = app;
  const { id: userId } = await createUser(app, { username: 'john' });
  await queue.sendAll(exampleNameQueue, [{ userId }, { userId: userId + 1 }], { db });
  await drain(app);
  const done = await jobsOf(app, exampleNameQueue, ['completed']);
  t.match(done, [{ data: { userId }, output: { username: 'john' } }]);
  t.match(await deadLettersOf(app, exampleNameQueue), [{ data: { userId: userId + 1 } }]);
});
