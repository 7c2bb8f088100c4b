import { randomUUID } from 'node:crypto';
import t from 'tap';
import { listMails, recordDelivery } from '../../../src/domain/mail/ledger.ts';
import { mailSubject } from '../../../src/domain/mail/templates.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';

t.test('a refused mail may be sent again, and what was accepted stays as it was recorded', async (t) => {
  const app = await build(t);
  const { db } = app;
  const { id: userId } = await createUser(app);
  const jobId = randomUUID();
  const record = (response: string, isRefused: boolean, id = jobId) =>
    recordDelivery(db, {
      ...{ jobId: id, userId, subscriptionId: null, template: 'password-changed' },
      ...{ messageId: `<${id}@localhost>`, sentTo: 'john@example.com', returnKey: undefined },
      ...{ isRefused, response },
    });
  const recorded = async () =>
    (await listMails(db, userId)).map(({ isRefused, response }) => ({ isRefused, response }));
  await record('550 no\0 such user', true);
  t.same(await recorded(), [{ isRefused: true, response: '550 no such user' }]);
  await record(`250 ${'x'.repeat(600)}`, false);
  t.same(await recorded(), [{ isRefused: false, response: `250 ${'x'.repeat(496)}` }]);
  await record('550 no such user', true);
  t.match(await recorded(), [{ isRefused: false, response: /^250 x/ }]);
  await record('250 OK', false, randomUUID());
  t.match(await recorded(), [{ response: '250 OK' }, { response: /^250 x/ }], 'newest first');
  const other = await createUser(app, { username: 'susan' });
  t.same(await listMails(db, other.id), []);
});

t.test('a listed mail has the subject of its template, or the name of one that is gone', (t) => {
  t.equal(mailSubject('password-changed'), 'Your password was changed');
  t.equal(mailSubject('christmas-card'), 'christmas-card');
  t.end();
});
