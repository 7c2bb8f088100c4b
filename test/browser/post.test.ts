import type { Page } from 'playwright-core';
import t from 'tap';
import { buildApp } from '../../src/app.ts';
import { accessibilityFaults, launchBrowser, listen, openPage } from '../support/browser.ts';
import { testConfig } from '../support/build.ts';
import { createDatabase } from '../support/database.ts';
import { createUser, PASSWORD } from '../support/factories.ts';
import { writeComments, writePosts } from '../support/writing.ts';

/** Presses Tab until what has the focus is called like this, as somebody without a mouse would. */
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
}

t.test('the life of a post and a comment, with the keyboard alone and without JavaScript', async (t) => {
  const app = buildApp(testConfig({ DATABASE_URL: await createDatabase(t) }));
  t.teardown(() => app.close());
  const site = await listen(app);
  await createUser(app, { username: 'susan' });
  const page = await openPage(t, await launchBrowser(t), { javaScriptEnabled: false });

  await page.goto(`${site}/auth/login`);
  await type(page, 'Email', 'susan@example.com');
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await press(page, 'Log In');

  await type(page, 'What’s on your mind?', 'Hello *everybody*');
  await press(page, 'Preview');
  t.equal(await page.locator('.preview em').textContent(), 'everybody');
  await press(page, 'Publish');
  await press(page, '0 comments on this post by susan');
  await type(page, 'Your comment', 'The first word');
  await press(page, 'Submit');
  t.match(await page.locator('.message').textContent(), 'Your comment has been published.');
  await press(page, 'Edit');
  await press(page, 'Save');
  t.match(await page.locator('.message').textContent(), 'The post has been updated.');

  await tabTo(page, 'Delete');
  await page.keyboard.press('Enter');
  await press(page, 'Yes, delete it');
  t.match(await page.locator('.message').textContent(), 'The post has been deleted.');
});

t.test('every page is accessible, and needs no horizontal scroll at 320 px', async (t) => {
  const app = buildApp(
    testConfig({ DATABASE_URL: await createDatabase(t), POSTS_PER_PAGE: '3', COMMENTS_PER_PAGE: '3' }),
  );
  t.teardown(() => app.close());
  const site = await listen(app);
  const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
  const author = await createUser(app, { username: `a${'very'.repeat(12)}longname` });
  const [postId = 0] = await writePosts(app, author, 20);
  await writeComments(app, author, postId, 10);
  const browser = await launchBrowser(t);

  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await openPage(t, browser, { colorScheme, viewport: { width: 320, height: 700 } });
    await page.goto(`${site}/auth/login`);
    await page.getByLabel('Email').fill(admin.email);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log In' }).click();
    await page.getByRole('heading', { name: 'Hello, admin!' }).waitFor();
    for (const path of [
      '/',
      '/?page=4',
      `/post/${postId}`,
      `/edit/${postId}`,
      `/user/${author.username}`,
      `/followers/${author.username}`,
      '/moderate',
      '/edit-profile',
      `/edit-profile/${author.id}`,
      '/auth/change-password',
      '/auth/change-email',
      '/auth/reset',
      '/nowhere',
    ]) {
      await page.goto(site + path);
      t.same(await accessibilityFaults(page), [], `${path} in ${colorScheme}: accessible`);
      t.ok(
        await page.evaluate('document.documentElement.scrollWidth <= 320'),
        `${path}: no horizontal scroll`,
      );
    }
  }
});
