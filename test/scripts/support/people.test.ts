import { PassThrough } from 'node:stream';
import { sql } from 'kysely';
import t from 'tap';
import { asker } from '../../../scripts/support/ask.ts';
import { deletePerson, endSessions, showPeople, suspend } from '../../../scripts/support/people.ts';
import { mailQueue } from '../../../src/queues.ts';
import { build } from '../../support/build.ts';
import { createUser, signedInClient } from '../../support/factories.ts';
import { drain, jobsOf } from '../../support/jobs.ts';

/** An operator who types an answer. */
function typing(answer: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = new PassThrough({ encoding: 'utf8' });
  input.end(answer);
  return { ask: asker(false, { input, output }), asked: () => output.read() };
}

t.test('the operator is asked before a person is logged out, suspended or deleted', async (t) => {
  const app = await build(t);
  const { db, queue } = app;
  const john = await createUser(app);
  const commands = {
    'Log john (john@example.com) out everywhere, and revoke their API tokens?': endSessions,
    'Suspend john (john@example.com) permanently?': (
      dependencies: Parameters<typeof suspend>[0],
      email: string,
    ) => suspend(dependencies, email, 'forever', 'Spam'),
    'Delete john (john@example.com) in 7 days, and their posts and comments?': (
      dependencies: Parameters<typeof deletePerson>[0],
      email: string,
    ) => deletePerson(dependencies, email, 'Spam', { isAtOnce: false, keepsTexts: false }),
  };
  for (const [question, command] of Object.entries(commands)) {
    const tab = await signedInClient(app, john);
    for (const answer of ['', 'no\n', 'yesterday\n']) {
      const { ask, asked } = typing(answer);
      await t.rejects(command({ db, queue, ask }, 'JOHN@example.com'), { message: 'Nothing was changed.' });
      t.equal(asked(), `${question} [y/N] `);
    }
    t.notMatch((await tab.get('/')).body, 'Hello, Stranger!');
    await command({ db, queue, ask: typing('Yes\n').ask }, 'JOHN@example.com');
    t.match((await tab.get('/')).body, 'Hello, Stranger!');
    await sql`update users set suspended_until = null`.execute(db);
  }
  const mails = (await jobsOf(app, mailQueue)).map(({ data }) => data.template);
  t.same(
    mails.filter((template) => template !== 'new-login'),
    ['moderation', 'account-deletion'],
  );
});

t.test('the operator deletes an account at once, and is told about mistakes', async (t) => {
  const app = await build(t);
  const dependencies = { db: app.db, queue: app.queue, ask: asker(true) };
  await createUser(app);
  for (const days of ['0', '-1', '1.5', 'x', '99999'])
    await t.rejects(
      suspend(dependencies, 'john@example.com', days, 'Spam'),
      { exitCode: 2, message: /^DAYS/ },
      days,
    );
  await t.rejects(suspend(dependencies, 'john@example.com', '1', ' '), { exitCode: 2, message: /^REASON/ });
  await t.rejects(endSessions(dependencies, 'nobody@example.com'), {
    exitCode: 2,
    message: /^There is no account/,
  });
  t.equal(await showPeople(app.db, ''), 'john@example.com\tjohn\tUser');
  t.equal(await showPeople(app.db, 'susan'), 'No matching people.');
  t.equal(
    await suspend(dependencies, 'JOHN@example.com', '7', 'Spam'),
    'john (john@example.com) is suspended for 7 days and logged out everywhere. We are emailing them the reason.',
  );
  const options = { isAtOnce: true, keepsTexts: false };
  t.match(await deletePerson(dependencies, 'john@example.com', 'Spam', options), /A worker is deleting it/);
  t.match(await showPeople(app.db, ''), /\tclosed$/);
  await drain(app);
  t.equal(await showPeople(app.db, ''), 'No matching people.');
});
