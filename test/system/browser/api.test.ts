import t from 'tap';
import { assertSound, LOOKS, listen, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';

t.test('a user creates a token, reads the documentation, and a program uses the token', async (t) => {
  const app = await build(t);
  await createUser(app);
  const site = await listen(t, app);

  for (const look of LOOKS) {
    const page = await openPage(t, look);
    const isSound = (what: string) => assertSound(t, page, look, what);
    await page.goto(`${site}/auth/login?next=/edit-profile`);
    await page.fill('#email', 'john@example.com');
    await page.fill('#password', PASSWORD);
    await page.click('main button');
    await page.click('text=API tokens');
    await isSound('the page of tokens');
    await page.fill('#name', `backup at ${look.viewport.width}`);
    await page.selectOption('#scope', 'write');
    await page.click('text=Create token');
    await isSound('the new token');
    const token = await page.textContent('.new-token pre');

    const published = await fetch(`${site}/api/v1/posts/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ body: 'Written by a program' }),
    });
    t.equal(published.status, 201);
    await page.click('text=API documentation');
    t.equal(await page.textContent('h1'), 'The API');
    for (const summary of await page.locator('summary').all()) await summary.click();
    await isSound('the API’s page');
    const copy = page.locator('.operation .code button').first();
    t.equal(await copy.count(), Number(look.javaScriptEnabled), 'only scripts can copy');
    if (look.javaScriptEnabled) {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await copy.click();
      await page.waitForSelector('.code button:text("Copied")');
      const command = await page.textContent('.operation [data-copy]');
      t.equal(await page.evaluate('navigator.clipboard.readText()'), command);
    }
    await page.goto(site);
    t.match(await page.textContent('.posts'), 'Written by a program');
  }
});
