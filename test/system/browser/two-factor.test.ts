import t from 'tap';
import { assertSound, LOOKS, listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';
import { codeOf } from '../../support/two-factor.ts';

t.test(
  'people turn it on, log in with a recovery code and turn it off, with or without JavaScript',
  async (t) => {
    const app = await build(t);
    const site = await listen(t, app);
    for (const look of LOOKS) {
      const username = look.javaScriptEnabled ? 'john' : 'susan';
      const { email } = await createUser(app, { username });
      const page = await openPage(t, look);
      await logIn(page, site, email);
      await page.goto(`${site}/auth/security`);
      await page.getByRole('link', { name: 'Set up an app' }).click();
      await page.getByRole('img', { name: 'QR code' }).waitFor();
      await assertSound(t, page, look, 'setting it up');
      const secret = (await page.locator('main code').innerText()).replaceAll(' ', '');
      await page.getByLabel('Code', { exact: true }).fill(codeOf(secret));
      await page.getByLabel('Password').fill(PASSWORD);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
      await assertSound(t, page, look, 'the recovery codes');
      const [first = '', second = ''] = (await page.locator('pre').innerText()).split('\n');
      await page.getByRole('link', { name: 'I have saved my codes' }).click();
      await page.getByRole('button', { name: 'Log out', exact: true }).first().click();
      await page.getByText('You have been logged out.').waitFor();

      await page.goto(`${site}/auth/login?next=/auth/two-factor/off`);
      await page.fill('#email', email);
      await page.fill('#password', PASSWORD);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Enter your code' }).waitFor();
      await assertSound(t, page, look, 'the second step');
      await page.getByRole('link', { name: 'Use a recovery code' }).click();
      await page.getByLabel('Recovery code').fill(first);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Turn off two-factor authentication' }).waitFor();
      await assertSound(t, page, look, 'turning it off');
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByLabel('Code').fill(second);
      await page.keyboard.press('Enter');
      await page.getByText('Two-factor authentication is off.').waitFor();
    }
  },
);
