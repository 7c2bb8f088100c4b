import t from 'tap';
import { assertSound, LOOKS, listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { drain } from '../../support/jobs.ts';
import { writeComments, writePosts } from '../../support/writing.ts';

t.test(
  'the bell’s count rises while the page is open, and a notification leads to the comment',
  async (t) => {
    const app = await build(t);
    const site = await listen(t, app);
    const john = await createUser(app, { username: 'john' });
    const susan = await createUser(app, { username: 'susan' });
    const [postId = 0] = await writePosts(app, john);
    const [, look] = LOOKS;
    const page = await openPage(t, look);
    await logIn(page, site, john.email);
    await page.getByRole('link', { name: 'Notifications', exact: true }).waitFor();
    await page.waitForResponse((response) => response.url().endsWith('/notifications/events'));
    await page.evaluate('globalThis.isSamePage = true');
    await writeComments(app, susan, postId);
    await drain(app);
    await page.getByRole('link', { name: '1 unread notification' }).waitFor();
    t.ok(await page.evaluate('globalThis.isSamePage'), 'without a reload');

    await page.getByRole('link', { name: '1 unread notification' }).click();
    await page.getByRole('heading', { name: 'Notifications' }).waitFor();
    await assertSound(t, page, look, 'the page');
    await page.getByRole('link', { name: 'susan commented on your post' }).click();
    await page.getByText('Comment 1').first().waitFor();
    await page.getByRole('link', { name: 'Notifications', exact: true }).waitFor();
  },
);
