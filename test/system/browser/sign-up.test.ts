import t from 'tap';
import { buildApp } from '../../../src/app.ts';
import mail from '../../../src/jobs/mail.ts';
import { accessibilityFaults, listen, openPage } from '../../support/browser.ts';
import { testConfig } from '../../support/build.ts';
import { createDatabase } from '../../support/database.ts';
import { PASSWORD } from '../../support/factories.ts';
import { catchMail, linkIn } from '../../support/smtp.ts';
import { waitFor } from '../../support/wait-for.ts';

for (const javaScriptEnabled of [true, false]) {
  t.test(
    `a person signs up, reads the mail and confirms, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`,
    async (t) => {
      const smtp = await catchMail(t);
      const env = { DATABASE_URL: await createDatabase(t), SMTP_URL: smtp.url };
      const web = buildApp(testConfig(env), { role: 'web' });
      const worker = buildApp(testConfig(env), { role: 'worker' });
      t.teardown(() => Promise.all([web.close(), worker.close()]));
      await worker.ready();
      await worker.queue.work([mail], { concurrency: 4 });
      const site = await listen(t, web);
      const page = await openPage(t, {
        javaScriptEnabled,
        viewport: { width: 320, height: 700 },
      });
      const isSound = async (what: string) => {
        if (!javaScriptEnabled) return;
        t.same(await accessibilityFaults(page), [], `${what}: accessible`);
        t.ok(
          await page.evaluate('document.documentElement.scrollWidth <= 320'),
          `${what}: no horizontal scroll at 320 px`,
        );
      };

      await page.goto(site);
      await isSound('home');
      await page.getByRole('main').getByRole('link', { name: 'Register' }).click();
      await page.getByLabel('Email').fill('suzan@example.com');
      await page.getByLabel('Username').fill('susan');
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByLabel('Confirm password').fill('something else');
      await page.getByRole('button', { name: 'Register' }).click();
      await page.getByText('Passwords must match.').waitFor();
      t.equal(await page.getByLabel('Username').inputValue(), 'susan', 'the input is kept');
      await isSound('refused form');

      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByLabel('Confirm password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Register' }).click();
      await page.getByRole('heading', { name: 'Check your email' }).waitFor();
      await page.getByText('We’ve sent a confirmation link to suzan@example.com.').waitFor();
      await isSound('unconfirmed');

      await page.getByLabel('Email').fill('susan@example.com');
      await page.getByRole('button', { name: 'Correct address' }).click();
      await page.getByText('We’ve sent a confirmation link to susan@example.com.').waitFor();
      await waitFor(() => smtp.mails.length === 2, 'the mails arrive');
      const sent = smtp.mails.find(({ to }) => JSON.stringify(to).includes('susan@example.com'));

      await page.goto(site + linkIn(sent));
      await isSound('confirm');
      await page.getByRole('button', { name: 'Confirm my account' }).click();
      await page.getByText('You have confirmed your account. Thanks!').waitFor();
      await page.getByRole('heading', { name: 'Hello, susan!' }).waitFor();
      await isSound('home, signed in');

      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByText('You have been logged out.').waitFor();
    },
  );
}
