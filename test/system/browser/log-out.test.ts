import t from 'tap';
import { listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';

t.test('after logging out, Back shows no private page', async (t) => {
  const app = await build(t);
  const site = await listen(t, app);
  const john = await createUser(app);
  await app.db.updateTable('users').set({ location: 'A secret place' }).where('id', '=', john.id).execute();
  const page = await openPage(t);
  await logIn(page, site, john.email);

  const editor = await page.goto(`${site}/edit-profile`);
  t.equal(editor?.headers()['cache-control'], 'private, no-store');
  t.equal(await page.inputValue('#location'), 'A secret place');
  const loggingOut = page.waitForResponse(`${site}/auth/logout`);
  await page.getByRole('button', { name: 'Log out' }).click();
  t.equal((await (await loggingOut).allHeaders())['clear-site-data'], '"cache"');
  await page.getByText('You have been logged out.').waitFor();

  await page.goBack();
  await page.getByText('Please log in first.').waitFor();
  t.notMatch(await page.content(), 'A secret place');
  t.match(page.url(), `${site}/auth/login`);
});
