import sharp from 'sharp';
import t from 'tap';
import { accessibilityFaults, listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';
import { waitFor } from '../../support/wait-for.ts';

const SHOWN_WIDTH = `document.querySelector('#picture img').naturalWidth`;

t.test('a browser uploads a picture, and shows it or what is wrong without a reload', async (t) => {
  const app = await build(t, {}, { config: { pictureTimeoutMs: 60_000 } });
  const site = await listen(t, app);
  const john = await createUser(app);
  const page = await openPage(t);
  await logIn(page, site, john.email);
  await page.goto(`${site}/edit-profile/picture`);
  const choose = async (buffer: Buffer) => {
    await page.setInputFiles('#file', { name: 'me.jpg', mimeType: 'image/jpeg', buffer });
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('We’re preparing your new picture.').waitFor();
    await drain(app);
  };
  await choose(Buffer.from('no picture'));
  await page.getByText('This file could not be read.').waitFor();
  t.same(await accessibilityFaults(page), []);
  await choose(
    await sharp({ create: { width: 60, height: 45, channels: 3, background: 'teal' } })
      .jpeg()
      .toBuffer(),
  );
  await page.locator('#picture img[src$=".webp"]').waitFor();
  await waitFor(async () => (await page.evaluate(SHOWN_WIDTH)) === 256, 'the picture is loaded');
});
