import type { Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { createDraft } from '../../../src/domain/drafts/save.ts';
import { listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';

const app = await build(t);
const site = await listen(t, app);
const john = await createUser(app);

async function open(t: Test, width: number): Promise<Page> {
  const page = await openPage(t, { viewport: { width, height: 900 }, timezoneId: 'Asia/Tokyo' });
  page.on('dialog', (dialog) => dialog.accept());
  await logIn(page, site, john.email);
  await page.goto(`${site}/write`);
  return page;
}

t.test('the writing page formats, counts, saves and previews while typing', async (t) => {
  const page = await open(t, 1440);
  await page.fill('#title', 'On tea');
  const area = page.locator('#body');
  await area.pressSequentially('Strong tea');
  await area.evaluate((field) => (field as unknown as { select(): void }).select());
  await page.getByRole('button', { name: 'Bold' }).click();
  t.equal(await area.inputValue(), '**Strong tea**');
  await page.keyboard.press('Control+z');
  t.equal(await area.inputValue(), 'Strong tea', 'formatting can be undone');
  await page.getByRole('button', { name: 'Bold' }).focus();
  for (const key of ['ArrowLeft', 'ArrowLeft', 'Enter']) await page.keyboard.press(key);
  t.equal(await area.inputValue(), '> Strong tea', 'arrow keys reach all tools');
  await page.getByText('2 words').waitFor();

  await page.getByText('Saved', { exact: true }).waitFor();
  t.match(page.url(), /\/drafts\/\d+$/);
  await page.locator('.preview blockquote').waitFor();
  t.equal(await page.evaluate('localStorage.length'), 0);

  const { id, version } = await app.db
    .selectFrom('drafts')
    .select(['id', 'version'])
    .executeTakeFirstOrThrow();
  await app.db
    .updateTable('drafts')
    .set({ body: 'From my phone', version: version + 1 })
    .execute();
  await area.fill('From my desk');
  await page.getByText('Not saved: This draft has been saved in another browser since.').waitFor();
  await page.keyboard.press('Control+Enter');
  await page.getByText('Send yours again to replace it.').waitFor();
  t.equal(await area.inputValue(), 'From my desk');
  const [other] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('link', { name: 'See the other version' }).click(),
  ]);
  t.match(other.url(), `/drafts/${id}`);
  await area.focus();
  await page.keyboard.press('Control+Enter');
  await page.getByRole('heading', { name: 'On tea' }).waitFor();
  t.match(await page.locator('article .prose').textContent(), 'From my desk');
  t.same(await app.db.selectFrom('drafts').select('id').execute(), []);
});

t.test('a late response does not replace a newer preview', async (t) => {
  const page = await open(t, 1440);
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/*', async (route) => {
    const body = route.request().postData() ?? '';
    if (body.includes('preview') && body.includes('First')) await held;
    await route.continue();
  });
  const first = page.waitForRequest((request) => request.postData()?.includes('preview') ?? false);
  await page.fill('#body', 'First');
  await first;
  await page.fill('#body', 'Second');
  const preview = page.locator('.preview');
  await preview.getByText('Second').waitFor();
  const firstRequest = await first;
  const late = page.waitForResponse((response) => response.request() === firstRequest);
  release();
  await (await late).finished();
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 100))');
  t.match(await preview.textContent(), 'Second');
  await page.getByText('Saved', { exact: true }).waitFor();
  await app.db.deleteFrom('drafts').execute();
});

t.test('a draft published while it is being saved is published once', async (t) => {
  const page = await open(t, 390);
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/drafts', async (route) => {
    await held;
    await route.continue();
  });
  const saving = page.waitForRequest('**/drafts');
  await page.fill('#body', 'Quick');
  await saving;
  await page.getByRole('button', { name: 'Publish' }).click();
  release();
  await page.waitForURL('**/post/*');
  t.same(await app.db.selectFrom('drafts').select('id').execute(), [], 'no draft is left behind');
});

t.test('the time to publish is typed in the browser’s time zone', async (t) => {
  const page = await open(t, 390);
  const next = new Date().getUTCFullYear() + 1;
  await page.fill('#body', 'A happy new year');
  await page.getByText('Publish later').click();
  await page.getByText('In your time zone, Asia/Tokyo.').waitFor();
  await page.fill('#publish_at', `${next}-01-01T09:30`);
  await page.getByRole('button', { name: 'Schedule' }).click();
  await page.getByText('Your draft has been scheduled.').waitFor();
  const { publish_at } = await app.db.selectFrom('drafts').select('publish_at').executeTakeFirstOrThrow();
  t.equal(publish_at?.toISOString(), `${next}-01-01T00:30:00.000Z`);
  await page.getByRole('link', { name: 'A happy new year' }).click();
  t.equal(await page.inputValue('#publish_at'), `${next}-01-01T09:30`);
  await page.getByRole('button', { name: 'Cancel the schedule' }).click();
  await page.getByText('The draft is no longer scheduled.').waitFor();
});

t.test('a text that could not be saved comes back, and does not replace a newer one', async (t) => {
  const { id } = await createDraft(app.db, john.id, { title: '', body: 'First', tags: '' });
  const page = await open(t, 390);
  await page.goto(`${site}/drafts/${id}`);
  await page.route('**/drafts', (route) => route.fulfill({ status: 429, body: '' }));
  await page.fill('#body', 'Typed in a tunnel');
  await page.getByText('Not saved yet. This browser keeps your text.').waitFor();
  await app.db
    .updateTable('drafts')
    .set({ body: 'From my phone', version: 2 })
    .where('id', '=', id)
    .execute();
  await page.unroute('**/drafts');
  await page.reload();
  t.equal(await page.inputValue('#body'), 'Typed in a tunnel');
  await page.getByRole('button', { name: 'Save draft' }).click();
  await page.getByText('Send yours again to replace it.').waitFor();
  t.equal(await page.inputValue('#body'), 'Typed in a tunnel');
});
