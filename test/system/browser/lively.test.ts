import type { FastifyInstance } from 'fastify';
import type { BrowserContextOptions, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { accessibilityFaults, listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

async function setUp(t: Test): Promise<{ app: FastifyInstance; site: string }> {
  const app = await build(t);
  const site = await listen(t, app);
  return { app, site };
}

/** Opens a page and marks it, to detect a reload. */
async function mark(page: Page): Promise<() => Promise<unknown>> {
  await page.evaluate('globalThis.isSamePage = true');
  return () => page.evaluate('globalThis.isSamePage');
}

t.test('a preview replaces the field, and the text comes back', async (t) => {
  const { app, site } = await setUp(t);
  const john = await createUser(app);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  const isSamePage = await mark(page);

  await page.fill('#body', 'Hello *everybody*');
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.locator('.preview em').waitFor();
  t.notOk(await page.locator('#body').isVisible());
  await page.getByRole('button', { name: 'Write' }).click();
  t.equal(await page.inputValue('#body'), 'Hello *everybody*');
  t.equal(await page.locator('.preview').count(), 0);

  await page.fill('#body', ' ');
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByText('This field is required.').waitFor();
  t.equal(await page.evaluate('document.activeElement.id'), 'body');
  t.ok(await isSamePage());

  await page.fill('#body', 'Hello *all*');
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.locator('.preview').waitFor();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.posts').getByText('Hello all').waitFor();

  await page.getByRole('link', { name: 'Edit this post by john' }).click();
  await page.locator('.preview em').waitFor();
  t.same(await Promise.all([page.isVisible('#title'), page.isVisible('#body')]), [true, true], 'beside it');
});

t.test('a draft survives a reload and a lost session, and is deleted once published', async (t) => {
  const { app, site } = await setUp(t);
  const john = await createUser(app);
  const page = await openPage(t);
  page.on('dialog', (dialog) => dialog.accept());
  await logIn(page, site, john.email);

  await page.fill('#body', 'A long thought');
  await page.reload();
  t.equal(await page.inputValue('#body'), 'A long thought');
  await page.getByText('Your unsaved text is back.').waitFor();
  await page.getByRole('button', { name: 'Discard it' }).click();
  t.equal(await page.inputValue('#body'), '');
  await page.reload();
  t.equal(await page.inputValue('#body'), '', 'a discarded draft stays discarded');

  await page.fill('#body', 'Another long thought');
  await app.db.deleteFrom('sessions').execute();
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByText('Please log in first.').waitFor();
  await logIn(page, site, john.email);
  t.equal(await page.inputValue('#body'), 'Another long thought', 'the text is still there');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.posts').getByText('Another long thought').waitFor();
  t.equal(await page.inputValue('#body'), '');
  t.equal(await page.evaluate('localStorage.length'), 0);

  await page.fill('#body', 'Nobody else’s');
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByText('You have been logged out.').waitFor();
  t.equal(await page.evaluate('localStorage.length'), 0, 'drafts are deleted with their author’s log-out');
});

t.test('a text can be written while the browser’s storage is full', async (t) => {
  const { app, site } = await setUp(t);
  const john = await createUser(app);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  await page.evaluate(`for (let size = 2 ** 22; size >= 1; size /= 2)
    try { localStorage.setItem('other' + size, 'x'.repeat(size)); } catch {}`);
  await page.fill('#body', 'A long thought');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.posts').getByText('A long thought').waitFor();
});

t.test('leaving with unsaved text asks for confirmation', async (t) => {
  const { app, site } = await setUp(t);
  const john = await createUser(app);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  const dialogs: string[] = [];
  page.on('dialog', async (dialog) => {
    dialogs.push(dialog.type());
    await dialog.dismiss();
  });
  await page.locator('#body').pressSequentially('Not yet');
  await page.getByRole('link', { name: 'john', exact: true }).first().click({ noWaitAfter: true });
  await page.waitForFunction('true');
  t.same(dialogs, ['beforeunload']);
  t.equal(page.url(), `${site}/`);
  await page.fill('#body', '');
  await page.getByRole('link', { name: 'john', exact: true }).first().click();
  await page.waitForURL(`${site}/user/john`);
  t.equal(dialogs.length, 1, 'there is no question if nothing would be lost');
});

t.test('times are shown in the reader’s time zone and locale, and exactly on demand', async (t) => {
  const { app, site } = await setUp(t);
  const john = await createUser(app);
  const [old = 0, recent = 0] = await writePosts(app, john, 2);
  const fortyMinutesAgo = new Date(Date.now() - 40.5 * 60_000);
  await app.db
    .updateTable('posts')
    .set({ created_at: new Date('2026-01-01T23:30:00Z') })
    .where('id', '=', old)
    .execute();
  await app.db.updateTable('posts').set({ created_at: fortyMinutesAgo }).where('id', '=', recent).execute();
  const timesSeenBy = async (options: BrowserContextOptions) => {
    const page = await openPage(t, options);
    await page.goto(site);
    return page
      .locator('.posts time')
      .evaluateAll((times) =>
        times.map((time) => ({ text: time.textContent, title: time.getAttribute('title') })),
      );
  };
  const german = await timesSeenBy({ locale: 'de-DE', timezoneId: 'Europe/Berlin' });
  t.match(german, [{ text: 'vor 40 Minuten' }, { text: '02.01.2026', title: /2\. Januar 2026.*00:30:00/ }]);
  const american = await timesSeenBy({ locale: 'en-US', timezoneId: 'America/New_York' });
  t.match(american, [{ text: '40 minutes ago' }, { text: 'Jan 1, 2026', title: /January 1, 2026.*6:30:00/ }]);
  const profile = await openPage(t, { locale: 'en-US' });
  await profile.goto(`${site}/user/john`);
  t.match(await profile.textContent('time[data-date]'), /^\w{3} \d+, 20\d\d$/, 'a sentence has the date');
  const plain = await timesSeenBy({ javaScriptEnabled: false });
  t.equal(plain[1]?.text, '1 Jan 2026, 23:30 UTC');
});

t.test('following and moderating only update their own element', async (t) => {
  const { app, site } = await setUp(t);
  const moderator = await createUser(app, { username: 'mo', role: 'Moderator' });
  const author = await createUser(app, { username: 'author' });
  const [postId = 0] = await writePosts(app, author);
  await writeComments(app, author, postId, 2);
  const page = await openPage(t);
  await logIn(page, site, moderator.email);

  await page.goto(`${site}/user/author`);
  const isSameProfile = await mark(page);
  await page.getByRole('button', { name: 'Follow', exact: true }).click();
  await page.locator('#profile').getByText('You are now following author.').waitFor();
  await page.getByRole('link', { name: '1 follower' }).waitFor();
  t.equal(
    await page.evaluate('document.activeElement.textContent'),
    'Unfollow',
    'the focus stays where it was',
  );
  await page.keyboard.press('Enter');
  await page.getByText('You are not following author anymore.').waitFor();
  t.equal(await page.getByText('You are now following author.').count(), 0);
  t.ok(await isSameProfile());

  await page.goto(`${site}/moderate`);
  const isSameList = await mark(page);
  await page.locator('summary').first().click();
  await page.getByLabel('Why?').first().fill('Rude');
  await page.keyboard.press('Enter');
  await page.getByText('Hidden by a moderator').waitFor();
  t.ok(await isSameList());

  await app.db.deleteFrom('sessions').execute();
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByText('Please log in first.').waitFor();
});

t.test('a double click publishes once', async (t) => {
  const { app, site } = await setUp(t);
  const john = await createUser(app);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  await page.fill('#body', 'Once');
  await page.getByRole('button', { name: 'Publish' }).dblclick();
  await page.locator('.posts').getByText('Once').waitFor();
  const { count } = await app.db
    .selectFrom('posts')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  t.equal(count, '1');
});

t.test('a reply is written in place, and a name completes while it is typed', async (t) => {
  const { app, site } = await setUp(t);
  const [john, susan] = [await createUser(app), await createUser(app, { username: 'susan' })];
  for (const username of ['sam', 'sun']) await createUser(app, { username });
  const [postId = 0] = await writePosts(app, john);
  await writeComments(app, susan, postId);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  await page.goto(`${site}/post/${postId}`);
  const isSamePage = await mark(page);
  await page.getByRole('link', { name: 'Reply to susan' }).click();
  const area = page.getByLabel('Your reply');
  await area.waitFor();
  t.ok(await isSamePage());
  await page.keyboard.type('Hello @s');
  await page.getByRole('option').nth(2).waitFor();
  t.same(await page.getByRole('option').allTextContents(), ['susan ', 'sam ', 'sun ']);
  t.same(await accessibilityFaults(page), []);
  await page.keyboard.press('ArrowDown');
  t.equal(await area.getAttribute('aria-activedescendant'), 'name-1');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  t.equal(await area.inputValue(), 'Hello @susan ');
  await page.keyboard.type('and @su');
  await page.getByRole('option', { name: 'sun' }).click();
  await page.keyboard.type('and @s');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Escape');
  t.equal(await page.getByRole('option').count(), 0);
  t.equal(await area.inputValue(), 'Hello @susan and @sun and @s');

  await page.getByRole('button', { name: 'Reply', exact: true }).click();
  await page.getByText('Your comment has been published.').waitFor();
  t.match(page.url(), /#comment-2$/);
  t.ok(await page.locator('#comment-2:target .message').isVisible());
  t.equal(await page.evaluate('localStorage.length'), 0, 'no draft is left of it');
  await page.getByRole('link', { name: 'Edit this comment' }).click();
  await page.getByLabel('Your comment').nth(1).fill('Corrected');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('#comment-2').getByText('Corrected').waitFor();
  await page.getByRole('link', { name: 'In reply to susan' }).click();
  t.match(page.url(), /#comment-1$/);
});

t.test('a post and a comment can be written, edited and deleted with JavaScript', async (t) => {
  const { app, site } = await setUp(t);
  const john = await createUser(app);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  await page.fill('#body', 'Hello *everybody*');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.getByRole('link', { name: /0 comments/ }).click();
  await page.fill('#body', 'The first word');
  await page.getByRole('button', { name: 'Comment' }).click();
  await page.getByText('Your comment has been published.').waitFor();
  t.equal(await page.inputValue('#body'), '', 'no draft is left of it');
  await page.getByRole('link', { name: 'Edit', exact: true }).click();
  await page.fill('#body', 'Hello *all*');
  await page.locator('.preview').getByText('Hello all').waitFor();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The post has been updated.').waitFor();
  t.match(await page.textContent('.byline'), /edited: see how\s+now/);
  await page.getByText('Delete', { exact: true }).click();
  await page.getByRole('button', { name: 'Yes, delete it' }).click();
  await page.getByText('The post has been deleted.').waitFor();
  t.equal(await page.evaluate('localStorage.length'), 0);
});
