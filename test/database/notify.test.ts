import t from 'tap';
import { notify } from '../../src/database/notify.ts';
import { build } from '../support/build.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('a commit sends its messages in order, and a rollback sends none', async (t) => {
  const { db, channels } = await build(t);
  const received: string[] = [];
  const listening = await channels.listen('spoken', {
    onMessage: (payload) => received.push(payload),
    onGap() {},
  });
  await t.rejects(
    db.transaction().execute(async (trx) => {
      await notify(trx, 'spoken', ['taken back']);
      throw new Error('no');
    }),
    { message: 'no' },
  );
  await db.transaction().execute(async (trx) => {
    await notify(trx, 'spoken', ['one', 'two']);
    await notify(trx, 'spoken', ['three']);
    await notify(db, 'spoken', ['without a transaction']);
  });
  await notify(db, 'spoken', ['the last']);
  await waitFor(() => received.at(-1) === 'the last', 'for the last message');
  t.same(received, ['without a transaction', 'one', 'two', 'three', 'the last']);
  await listening.close();
});
