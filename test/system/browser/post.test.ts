import type { Page } from 'playwright-core';
import t from 'tap';
import { buildApp } from '../../../src/app.ts';
import { listen, openPage } from '../../support/browser.ts';
import { testConfig } from '../../support/build.ts';
import { createDatabase } from '../../support/database.ts';
import { createUser, PASSWORD } from '../../support/factories.ts';

/** Presses Tab until an element with this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    await page.keyboard.press('Tab');
    const label = await page.evaluate(
      '(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()',
    );
    if (label === name) return;
  }
  throw new Error(`Tab never reaches ${name}`);
}

async function type(page: Page, field: string, text: string): Promise<void> {
  await tabTo(page, field);
  await page.keyboard.type(text);
}

async function press(page: Page, name: string): Promise<void> {
  await tabTo(page, name);
  await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')]);
  await page.screenshot(); // Chromium ignores keys until a page is painted.
}

t.test(
  'a post and a comment can be written, edited and deleted with the keyboard alone, without JavaScript',
  async (t) => {
    const app = buildApp(testConfig({ DATABASE_URL: await createDatabase(t) }));
    t.teardown(() => app.close());
    const site = await listen(t, app);
    await createUser(app, { username: 'susan' });
    const page = await openPage(t, { javaScriptEnabled: false });

    await page.goto(`${site}/auth/login`);
    await type(page, 'Email', 'susan@example.com');
    await page.keyboard.press('Tab');
    await page.keyboard.type(PASSWORD);
    await press(page, 'Log in');

    await type(page, 'What’s on your mind?', 'Hello *everybody*');
    await press(page, 'Preview');
    t.equal(await page.locator('.preview em').textContent(), 'everybody');
    await press(page, 'Publish');
    await press(page, '0 comments on this post by susan');
    await type(page, 'Your comment', 'The first word');
    await press(page, 'Comment');
    t.match(await page.locator('#comment-1 .message').textContent(), 'Your comment has been published.');
    await press(page, 'Reply to susan');
    await type(page, 'Your reply', 'The second, by @susan');
    await press(page, 'Reply');
    t.ok(await page.locator('#comment-2:target .message').isVisible());
    await press(page, 'Edit');
    await press(page, 'Save');
    t.match(await page.locator('.message').textContent(), 'The post has been updated.');

    await tabTo(page, 'Delete');
    await page.keyboard.press('Enter');
    await press(page, 'Yes, delete it');
    t.match(await page.locator('.message').textContent(), 'The post has been deleted.');
  },
);
