import t from 'tap';
import { accessibilityFaults, LAYOUT_SHIFT, listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { plainImage } from '../../support/images.ts';
import { drain } from '../../support/jobs.ts';
import { waitFor } from '../../support/wait-for.ts';

const INSERTED = /^Look: !\[A cat\]\(\/images\/[\w-]{22}\)$/;

/** Pastes a file into the text, like a screenshot. */
const paste = (file: Buffer) => `{
  const clipboardData = new DataTransfer();
  const bytes = Uint8Array.fromBase64('${file.toString('base64')}');
  clipboardData.items.add(new File([bytes], 'image.png', { type: 'image/png' }));
  const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
  document.getElementById('body').dispatchEvent(event);
}`;

t.test('an image is pasted, described and shown without layout shifts', async (t) => {
  const app = await build(t, {}, { config: { pictureTimeoutMs: 60_000 } });
  const site = await listen(t, app);
  const john = await createUser(app);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  const body = page.locator('#body');
  await body.pressSequentially('Look: ');
  await page.evaluate(paste(await plainImage(2000, 1000)));
  const alt = page.getByLabel('Alternative text');
  await page.locator('#alt:focus').waitFor();
  t.same(await accessibilityFaults(page), []);
  const add = page.getByRole('dialog').getByRole('button', { name: 'Add image' });
  await add.click();
  await page.locator('#alt:invalid').waitFor();
  await alt.fill('A cat');
  await add.click();
  await waitFor(async () => INSERTED.test(await body.inputValue()), 'the Markdown is inserted');

  await page.getByRole('button', { name: 'Add image' }).click();
  await page.setInputFiles('#file', { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('hello') });
  await page.getByLabel('The image is decorative').check();
  await add.click();
  await page.getByText('This file could not be read.').waitFor();
  await page.keyboard.press('Escape');
  t.match(await body.inputValue(), INSERTED, 'nothing else is inserted');

  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.prose img').waitFor();
  const source = () => page.evaluate<string>('document.querySelector(".prose img").currentSrc');
  await waitFor(async () => (await source()).endsWith('.webp?1000'), 'the drawing is fetched again');
  await drain(app);
  const isMade = `performance.getEntriesByName(document.querySelector(".prose img").currentSrc)[0]?.contentType === 'image/webp'`;
  await waitFor(() => page.evaluate<boolean>(isMade), 'it becomes the image');
  t.equal(await page.evaluate(LAYOUT_SHIFT), 0);
  await page.getByRole('link', { name: /comments/ }).click();
  await page.waitForURL(/\/post\/\d+/);
  const isLoaded = 'document.querySelector(".prose img").naturalWidth > 0';
  await waitFor(() => page.evaluate<boolean>(isLoaded), 'the image is loaded');
  t.equal(await page.evaluate(LAYOUT_SHIFT), 0);
  t.match(await source(), /\/640\.webp$/);
});
