import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';

t.test(
  'mails accepted at the same moment share a write, whatever has become of their accounts',
  async (t) => {
    const app = await build(t);
    const { id, email: sentTo } = await createUser(app);
    const record = (userId: number) =>
      app.mailLedger.record({
        ...{ jobId: randomUUID(), userId, template: 'confirm-account', messageId: '<1@localhost>', sentTo },
        returnKey: undefined,
      });
    const erased = id + 1;
    await Promise.all([record(id), record(erased), record(id)]);
    const together = sql`select xmin from mail_deliveries group by xmin having count(*) = 2`;
    t.equal((await together.execute(app.db)).rows.length, 1);

    await record(id);
    t.equal((await app.db.selectFrom('mail_deliveries').selectAll().execute()).length, 3);
  },
);
