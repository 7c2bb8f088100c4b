import { sql } from 'kysely';
import t from 'tap';
import { mailQueue } from '../src/queues.ts';
import { build } from './support/build.ts';
import { createDatabase } from './support/database.ts';
import { jobsOf } from './support/jobs.ts';
import { start } from './support/processes.ts';
import { catchMail } from './support/smtp.ts';
import { waitFor } from './support/wait-for.ts';

const MAILS = 400;

t.test(
  'three workers are replaced one by one: no job is lost, none done twice, no attempt spent',
  async (t) => {
    const smtp = await catchMail(t, { delayMs: 400 });
    const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url, WORKER_CONCURRENCY: '4' };
    const web = await build(t, env);
    await sql`
    insert into users (email, username, password_hash, role)
    select 'u' || n || '@example.com', 'u' || n, 'x', 'User' from generate_series(1, ${MAILS}::int) as n
  `.execute(web.db);
    const workers = [1, 2, 3].map(() => start(t, ['src/worker.ts'], env));
    await Promise.all(workers.map((worker) => worker.prints('"msg":"working"')));
    const payloads = Array.from({ length: MAILS }, (_, n) => ({
      template: 'confirm-account' as const,
      userId: n + 1,
    }));
    await web.queue.sendAll(mailQueue, payloads, { db: web.db });
    await waitFor(() => smtp.mails.length > 20, 'they are at work');

    for (const worker of workers) {
      const successor = start(t, ['src/worker.ts'], env);
      await successor.prints('"msg":"working"');
      t.equal(await worker.end('SIGTERM'), 0);
    }
    t.ok(smtp.mails.length < MAILS, 'all of it happened under load');
    await waitFor(
      async () => (await jobsOf(web, mailQueue, ['completed'])).length === MAILS,
      'all are sent',
      60_000,
    );

    t.equal(smtp.mails.length, MAILS, 'none twice');
    t.equal(new Set(smtp.mails.map(({ messageId }) => messageId)).size, MAILS);
    t.ok((await jobsOf(web, mailQueue, ['completed'])).every(({ retryCount }) => retryCount === 0));
  },
);
