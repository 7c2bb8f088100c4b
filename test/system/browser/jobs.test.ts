import { sql } from 'kysely';
import t from 'tap';
import { buildApp } from '../../../src/app.ts';
import { jobs } from '../../../src/jobs/index.ts';
import { defineJob, PermanentFailure } from '../../../src/queue/index.ts';
import { exportQueue, mailQueue } from '../../../src/queues.ts';
import { accessibilityFaults, assertSound, LOOKS, listen, openPage } from '../../support/browser.ts';
import { testConfig } from '../../support/build.ts';
import { createDatabase } from '../../support/database.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';
import { deadLettersOf } from '../../support/jobs.ts';
import { waitFor } from '../../support/wait-for.ts';

t.test('an operator finds a dead letter and redrives it, and pages refresh themselves', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t), SHUTDOWN_GRACE_SECONDS: '1' };
  const app = buildApp(testConfig(env));
  t.teardown(() => app.close());
  await app.ready();
  await createUser(app, { username: 'boss', role: 'Administrator' });
  const site = await listen(t, app, { worksQueues: true });

  const failing = defineJob(mailQueue, async () => {
    throw new PermanentFailure('550 5.1.1 No such user here');
  });
  await app.queue.work([failing], { concurrency: 2 });
  await app.queue.send(mailQueue, { template: 'confirm-account', userId: 1 }, { db: app.db });
  await waitFor(async () => (await deadLettersOf(app, mailQueue)).length === 1, 'it is a dead letter');
  await app.queue.stopWorking();

  await sql`
    insert into job_history (step_seconds, at, queue, ready, completed, retried, failed)
    select 900, to_timestamp((floor(extract(epoch from now()) / 900) + step) * 900), 'mail', 5, 42, 0, 0
    from generate_series(0, 1) as step -- The next one too, if it begins in the meantime.
  `.execute(app.db);

  const lookAround = async (look: (typeof LOOKS)[number]) => {
    const page = await openPage(t, look);
    const isSound = (what: string) => assertSound(t, page, look, what);
    await page.goto(`${site}/auth/login`);
    await page.fill('#email', 'boss@example.com');
    await page.fill('#password', PASSWORD);
    await page.click('main button');
    await page.click('text=Jobs');
    await isSound('the overview');
    await page.goto(`${site}/admin/jobs/charts?range=day`);
    await isSound('the charts');
    if (look.javaScriptEnabled) {
      await page.focus('#chart-outcomes .plot');
      await page.keyboard.press('ArrowLeft');
      t.match(await page.textContent('#value-outcomes'), /UTC: completed 42, retried 0, failed 0$/);
      await page.hover('#chart-outcomes svg');
      t.equal(await page.textContent('#value-outcomes'), 'nothing');
    }
    await page.goto(`${site}/admin/jobs/list?queue=mail.dead`);
    await isSound('the list');
    await page.click('tbody a');
    await page.click('dd a');
    t.match(await page.textContent('table'), '550 5.1.1 No such user here');
    await isSound('a job');
    await page.goto(`${site}/admin/jobs/ask?action=redrive&queue=mail.dead`);
    await isSound('the question');
    await page.goto(`${site}/admin/jobs/audit`);
    await isSound('the audit log');
    return page;
  };
  await lookAround(LOOKS[0]);
  const page = await lookAround(LOOKS[1]);
  await page.goto(`${site}/admin/jobs/list?queue=mail.dead`);
  await page.click('text=Redrive');
  await page.click('main button');
  await page.waitForSelector('text=1 job redriven.');
  await page.goto(`${site}/admin/jobs`);
  await page.waitForSelector('text=/no workers running/'); // Scheduled jobs may be waiting too.
  await app.queue.work([defineJob(mailQueue, async () => {})], { concurrency: 2 });
  await page.waitForSelector('text=0 of 2 slots in use');
});

t.test('the export page updates its progress without a click', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t), SHUTDOWN_GRACE_SECONDS: '1' };
  const app = buildApp(testConfig(env));
  t.teardown(() => app.close());
  await app.ready();
  const john = await createUser(app);
  await sql`
    insert into posts (author_id, body, body_html)
    select ${john.id}, 'Post ' || n, '' from generate_series(1, 20) as n
  `.execute(app.db);
  const site = await listen(t, app, { worksQueues: true });
  const page = await openPage(t);
  await page.goto(`${site}/auth/login`);
  await page.fill('#email', john.email);
  await page.fill('#password', PASSWORD);
  await page.click('main button');
  await page.goto(`${site}/your-data`);
  await page.click('text=Export my data');
  t.same(await accessibilityFaults(page), []);

  const { promise: halfway, resolve: goOn } = Promise.withResolvers<void>();
  const [real] = jobs.filter(({ contract }) => contract.name === exportQueue.name);
  await app.queue.work(
    [
      {
        contract: exportQueue,
        async run(...args) {
          await sql`update data_exports set state = 'running', done = 2000, total = 4000`.execute(app.db);
          await halfway;
          await real?.run(...args);
        },
      },
    ],
    { concurrency: 1 },
  );
  await page.waitForSelector('text=50%');
  goOn();
  await page.waitForSelector('a:text("Download")');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('a:text("Download")')]);
  t.equal(download.suggestedFilename(), 'pennypost.zip');
});
