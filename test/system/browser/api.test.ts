import t from 'tap';
import { accessibilityFaults, listen, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';

t.test('a user creates a token, reads the documentation, and a program uses the token', async (t) => {
  const app = await build(t);
  await createUser(app);
  const site = await listen(app);

  for (const look of [
    { javaScriptEnabled: false, colorScheme: 'dark', viewport: { width: 320, height: 700 } },
    { javaScriptEnabled: true, colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  ] as const) {
    const page = await openPage(t, look);
    const isSound = async (what: string) => {
      await page.waitForLoadState();
      if (look.javaScriptEnabled) t.same(await accessibilityFaults(page), [], `${what} is accessible`);
      const width = await page.evaluate('document.documentElement.scrollWidth');
      t.ok(Number(width) <= look.viewport.width, `${what} does not scroll sideways`);
    };
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
    await page.goto(site);
    t.match(await page.textContent('.posts'), 'Written by a program');
  }
});
