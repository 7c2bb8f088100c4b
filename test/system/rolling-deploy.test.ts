import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { mailQueue } from '../../src/queue/contracts.ts';
import { build } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { jobsOf } from '../support/jobs.ts';
import { start } from '../support/processes.ts';
import { catchMail } from '../support/smtp.ts';
import { waitFor } from '../support/wait-for.ts';

/** How many jobs are enqueued at a time, and the fewest that wait: twice what the workers have in hand. */
const BATCH = 40;
const FEWEST_WAITING = 12;

/** Keeps jobs waiting, however fast the workers are, until it is stopped. */
function keepBusy(web: FastifyInstance) {
  let [sent, isStopped] = [0, false];
  const payloads = Array.from({ length: BATCH }, (_, n) => ({
    template: 'confirm-account' as const,
    userId: n + 1,
  }));
  const feeding = (async () => {
    while (!isStopped) {
      if ((await jobsOf(web, mailQueue)).length < FEWEST_WAITING) {
        await web.queue.sendAll(mailQueue, payloads, { db: web.db });
        sent += BATCH;
      }
      await sleep(100);
    }
  })();
  return {
    /** Returns the number of mails enqueued. */
    async stop(): Promise<number> {
      isStopped = true;
      await feeding;
      return sent;
    },
  };
}

t.test('workers are replaced one by one: no job is lost, none done twice, no attempt spent', async (t) => {
  const smtp = await catchMail(t, { delayMs: 500 });
  const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url, WORKER_CONCURRENCY: '2' };
  const web = await build(t, env);
  await sql`
      insert into users (email, username, password_hash, role)
      select 'u' || n || '@example.com', 'u' || n, 'x', 'User' from generate_series(1, ${BATCH}::int) as n
    `.execute(web.db);
  const load = keepBusy(web);
  const workers = [1, 2].map(() => start(t, ['src/worker.ts'], env));
  await Promise.all(workers.map((worker) => worker.prints('"msg":"working"')));
  await waitFor(() => smtp.mails.length > 10, 'they are at work');

  for (const worker of workers) {
    const successor = start(t, ['src/worker.ts'], env);
    await successor.prints('"msg":"working"');
    t.equal(await worker.end('SIGTERM'), 0);
  }
  const sent = await load.stop();
  const completed = () => jobsOf(web, mailQueue, ['completed']);
  await waitFor(async () => (await completed()).length === sent, 'all are sent');

  t.equal(smtp.mails.length, sent, 'none twice');
  t.equal(new Set(smtp.mails.map(({ messageId }) => messageId)).size, sent);
  t.ok((await completed()).every(({ retryCount }) => retryCount === 0));
});
