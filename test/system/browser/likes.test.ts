import t from 'tap';
import { assertSound, LOOKS, listen, logIn, openPage } from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { writePosts } from '../../support/writing.ts';

t.test('people like and bookmark a post on its page, with or without JavaScript', async (t) => {
  const app = await build(t);
  const site = await listen(t, app);
  const [postId = 0] = await writePosts(app, await createUser(app));
  for (const look of LOOKS) {
    const reader = await createUser(app, { username: look.javaScriptEnabled ? 'susan' : 'david' });
    const page = await openPage(t, look);
    await logIn(page, site, reader.email);
    await page.goto(`${site}/post/${postId}`);
    const button = (name: string, pressed: boolean) => page.getByRole('button', { name, pressed });
    await button('Bookmark this post', false).click();
    await button('Bookmark this post', true).waitFor();
    if (look.javaScriptEnabled) {
      const focused = await page.evaluate<string>('document.activeElement.textContent');
      t.match(focused, 'Bookmark', 'the button keeps the focus');
    }
    await button('Like this post', false).click();
    await button('Like this post', true).waitFor();
    await assertSound(t, page, look, 'a liked post');
    await page.getByRole('link', { name: /^\d likes?$/ }).click();
    await page.getByRole('link', { name: reader.username }).nth(1).waitFor();
    await assertSound(t, page, look, 'who likes it');
    await page.goto(`${site}/bookmarks`);
    await page.getByRole('article').waitFor();
    await assertSound(t, page, look, 'bookmarks');
  }
});
