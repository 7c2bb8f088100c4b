import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { TestClock } from 'pg-boss';
import type { Test } from 'tap';
import type { Config } from '../../src/config.ts';
import { build, buildSharedWithClock } from './build.ts';
import { createUser } from './factories.ts';
import { drain } from './jobs.ts';
import { catchMail, type SmtpBehaviour, type SmtpCatcher } from './smtp.ts';

/** An app with a mail server, and an author. */
export async function setUpSubscriptions(
  t: Test,
  {
    env = {},
    smtp: behaviour = {},
    config = {},
  }: { env?: Record<string, string>; smtp?: SmtpBehaviour; config?: Partial<Config> } = {},
) {
  const smtp = await catchMail(t, behaviour);
  const clock = new TestClock();
  const app = await build(t, { SMTP_URL: smtp.url, ...env }, { clock, config });
  return setUp({ app, smtp, clock });
}

/** Builds an application with a mail server for all tests of a file. Returns a function that leaves it nothing but an author. */
export async function shareSubscriptions(t: Test) {
  const emptied = await buildSharedWithClock(t);
  return async () => setUp(await emptied());
}

async function setUp({ app, smtp, clock }: { app: FastifyInstance; smtp: SmtpCatcher; clock: TestClock }) {
  const author = await createUser(app, { username: 'susan' });
  /** Works the queues until the mails about new posts have left, which wait for some minutes. */
  const deliver = async () => {
    await drain(app);
    await clock.setTime(Math.max(clock.now(), Date.now()) + 301_000);
    await drain(app);
  };
  return { app, smtp, author, deliver };
}

/** Subscribes addresses, `reader1@example.com` and so on, that were confirmed an hour ago. */
export async function addSubscribers({ db }: FastifyInstance, authorId: number, count = 1): Promise<void> {
  await sql`
    insert into subscriptions (author_id, email, confirmed_at)
    select ${authorId}, 'reader' || n || '@example.com', now() - interval '1 hour'
    from generate_series(1, ${count}::int) as n
  `.execute(db);
}
