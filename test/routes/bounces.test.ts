import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import t from 'tap';
import type { PayloadOf } from '../../src/queue/index.ts';
import { mailQueue } from '../../src/queues.ts';
import { bounce } from '../support/bounce.ts';
import { buildSharedWithMail } from '../support/build.ts';
import { messagesOf } from '../support/client.ts';
import { createUser, PASSWORD, signedInClient } from '../support/factories.ts';
import { drain, jobsOf } from '../support/jobs.ts';

const NOTICE = /We could not deliver email to <strong>john@example\.com<\/strong>/;

/** A site whose bounces come back. */
const emptied = await buildSharedWithMail(t, { MAIL_RETURN_PATH: 'bounces@mail.blog.example' });

async function setUp() {
  const { app, smtp } = await emptied();
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  const sendMail = async (payload: PayloadOf<typeof mailQueue>) => {
    await app.queue.send(mailQueue, payload, { db: app.db });
    await drain(app);
    return smtp.mails.at(-1)?.subject;
  };
  await sendMail({ template: 'password-changed', userId: john.id });
  /** The key of the last mail. */
  const returnKey = () =>
    /^bounces\+([\da-f]{42})@mail\.blog\.example$/.exec(smtp.returnPaths.at(-1) ?? '')?.[1] ?? '';
  return { app, john, client, smtp, sendMail, returnKey };
}

function giveBack(app: FastifyInstance, key: string, mail = bounce()): Promise<LightMyRequestResponse> {
  // As curl --data-binary sends it.
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return app.inject({ method: 'POST', url: `/bounces/${key}`, payload: mail, headers });
}

async function bouncedAt(app: FastifyInstance): Promise<unknown[]> {
  return (await app.db.selectFrom('users').select('email_bounced_at').orderBy('id').execute()).map(
    ({ email_bounced_at }) => email_bounced_at,
  );
}

t.test('a bounce is shown to the owner, and stops optional mail until they try again', async (t) => {
  const { app, john, client, smtp, sendMail, returnKey } = await setUp();
  const { id: exportId } = await app.db
    .insertInto('data_exports')
    .values({ user_id: john.id, state: 'ready', ended_at: new Date() })
    .returning('id')
    .executeTakeFirstOrThrow();

  t.equal((await giveBack(app, returnKey().toUpperCase())).statusCode, 204);
  t.match(messagesOf(await client.get('/')), [NOTICE]);
  t.match((await app.inject('/metrics')).body, /^pennypost_bounced_accounts 1$/m);

  await sendMail({ template: 'export-ready', userId: john.id, exportId });
  t.equal(smtp.mails.length, 1, 'it is not sent, and its job is done');
  t.equal((await jobsOf(app, mailQueue, ['completed'])).length, 2);
  t.match(
    await sendMail({ template: 'password-changed', userId: john.id }),
    /password was changed/,
    'a warning',
  );

  const jane = { email: 'jane@example.com', username: 'jane', password_hash: 'x', role: 'User' } as const;
  await app.db
    .insertInto('users')
    .values({ ...jane, email_bounced_at: new Date() })
    .execute();
  const page = await client.follow(await client.post('/auth/bounced'));
  t.match(await bouncedAt(app), [null, Date], 'another account’s address is as it was');
  t.same(messagesOf(page), ['We’ll send email to john@example.com again.']);
  t.match(await sendMail({ template: 'export-ready', userId: john.id, exportId }), /export is ready/);
});

t.test('a bounce cannot be forged', async (t) => {
  const { app, john, smtp, returnKey } = await setUp();
  const jane = await createUser(app, { username: 'jane' });
  await createUser(app, { username: 'stranger', email: john.email, isConfirmed: false });
  const [jobId = ''] = /[\da-f-]{36}/.exec(smtp.mails.at(-1)?.messageId ?? '') ?? [];
  for (const key of ['0'.repeat(42), jobId, String(john.id), 'john@example.com', '%00']) {
    const { statusCode } = await giveBack(app, key);
    t.equal(statusCode, key === '%00' ? 404 : 204, 'the answer reveals nothing');
  }
  t.same(await bouncedAt(app), [null, null, null]);

  // Whoever has handled john's mail cannot report that jane's address is bad.
  await giveBack(app, returnKey(), bounce().replaceAll('john@example.com', jane.email));
  // Nor does a stranger with his address learn that he gets mail there.
  t.match(await bouncedAt(app), [Date, null, null]);
});

t.test('a new address has not bounced, and a late bounce of the old one does not affect it', async (t) => {
  const { app, client, returnKey } = await setUp();
  const key = returnKey();
  await giveBack(app, key);
  await client.post('/auth/change-email', { email: 'new@example.com', password: PASSWORD });
  t.match(await bouncedAt(app), [Date]);
  await app.db.updateTable('users').set({ email: 'new@example.com' }).execute();
  t.same(await bouncedAt(app), [null]);
  await giveBack(app, key);
  t.same(await bouncedAt(app), [null]);
  t.same(
    messagesOf(await client.get('/')).filter((text) => NOTICE.test(text)),
    [],
  );
});

t.test('a mail that is not a bounce changes nothing', async (t) => {
  const { app, returnKey } = await setUp();
  t.equal((await giveBack(app, returnKey(), 'Subject: On holiday\r\n\r\nBack soon')).statusCode, 204);
  t.equal((await app.inject({ method: 'POST', url: `/bounces/${returnKey()}` })).statusCode, 204);
  t.same(await bouncedAt(app), [null]);
});
