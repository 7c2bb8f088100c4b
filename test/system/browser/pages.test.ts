import { gzipSync } from 'node:zlib';
import { HtmlValidate } from 'html-validate';
import type { Page, Response } from 'playwright-core';
import t from 'tap';
import { block } from '../../../src/domain/blocks/block.ts';
import { setCommentDisabled } from '../../../src/domain/comments/write.ts';
import { createDraft } from '../../../src/domain/drafts/save.ts';
import { report } from '../../../src/domain/moderation/report.ts';
import { pinPost } from '../../../src/domain/posts/pin.ts';
import { publishPost, updatePost } from '../../../src/domain/posts/write.ts';
import { COLOUR_NAMES } from '../../../src/domain/site/fields.ts';
import { changeSitePage } from '../../../src/domain/site/pages.ts';
import { changeSettings } from '../../../src/domain/site/settings.ts';
import { followTag } from '../../../src/domain/tags/follow.ts';
import {
  accessibilityFaults,
  LAYOUT_SHIFT,
  listen,
  logIn,
  openPage,
  preloadAxe,
} from '../../support/browser.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { writeComments, writePosts, writeReply } from '../../support/writing.ts';

/** The standard's rules. Style rules are off, because the templates leave blank lines. */
const validator = new HtmlValidate({
  extends: ['html-validate:standard', 'html-validate:a11y'],
  rules: {
    'void-style': 'off',
    'no-trailing-whitespace': 'off',
    'long-title': 'off',
    'no-implicit-button-type': 'off',
    'prefer-native-element': 'off',
  },
});

/** The compressed size of the style sheet and the module. */
const MAX_BYTES = 30 * 1024;

/** Requests of a page on the first visit, without itself and avatars. */
const MAX_REQUESTS = 2;

/** What a page requests until it is loaded. Some pages later poll for changes. */
const REQUESTS = `(() => {
  const [{ loadEventEnd }] = performance.getEntriesByType('navigation');
  return performance.getEntriesByType('resource')
    .filter(({ name, startTime }) => startTime < loadEventEnd && !name.includes('/avatar/'))
    .map(({ name }) => name);
})()`;

/** The axe rules whose result depends on colours or width. Nothing is hidden at one width only. */
const LOOKS = ['color-contrast', 'link-in-text-block', 'scrollable-region-focusable', 'target-size'];

/** The same on all pages of a session, so that axe looks at them once. */
const FRAME = ['.site-header', '.site-footer'];

t.test(
  'every page is valid, accessible, light and stable, on phone and desktop, in light and dark mode',
  async (t) => {
    const app = await build(t, {
      SMTP_URL: undefined,
      RATE_LIMITS: 'off',
      POSTS_PER_PAGE: '3',
      COMMENTS_PER_PAGE: '3',
      DATA_DIR: t.testdir(),
    });
    const site = await listen(t, app);
    const admin = await createUser(app, { username: 'admin', role: 'Administrator' });
    // Every page of theirs says so.
    await app.db
      .updateTable('users')
      .set({ email_bounced_at: new Date() })
      .where('id', '=', admin.id)
      .execute();
    const author = await createUser(app, { username: `a${'very'.repeat(12)}longname` });
    const [postId = 0] = await writePosts(app, author, 12);
    const [commentId = 0] = await writeComments(app, author, postId, 7);
    const essay = {
      ...(await app.markdown.post('On #bread. '.repeat(200))),
      title: 'On bread',
      addedTags: ['tea'],
    };
    await updatePost(app, postId, await app.markdown.post(`Post 2, ${'long'.repeat(50)}`), undefined);
    await pinPost(app.db, author.id, (await publishPost(app, author.id, essay)).id);
    await followTag(app.db, admin.id, 'bread');
    const draft = { title: '', body: `On ${'very'.repeat(50)} long words`, tags: '' };
    const { id: draftId } = await createDraft(app.db, admin.id, draft);
    await setCommentDisabled(app.db, commentId, true);
    await writeReply(app, admin, { postId, parentId: commentId + 1, body: `@admin ${'long'.repeat(50)}` });
    const pest = await createUser(app, { username: 'pest' });
    await block(app.db, { blockerId: admin.id, blockedId: pest.id }, 'mute');
    const spam = { reporterId: admin.id, reason: 'Spam' };
    await changeSitePage(app.db, 'rules', { body: 'Be kind.', html: '<p>Be kind.</p>' });
    await changeSettings(app, { links: 'Source code https://example.com/source' });
    await app.site.refresh();
    await report(app.db, { kind: 'post', id: postId }, spam);
    await report(app.db, { kind: 'person', id: author.id }, spam);

    const open = [
      '/',
      '/?page=3',
      '/archive',
      '/explore',
      '/people',
      '/search?q=post',
      '/search?q=the',
      `/archive/${new Date().toISOString().slice(0, 7).replace('-', '/')}`,
      `/post/${postId}`,
      `/comment/${commentId + 1}`,
      `/likes/${postId}`,
      `/history/${postId}`,
      `/history/${postId}/1`,
      `/user/${author.username}`,
      `/user/${author.username}/subscribe`,
      '/tag/bread',
      '/auth/login?next=/x',
      '/api/v1/docs',
      '/rules',
    ];
    const forms = ['/auth/register', '/auth/reset', '/nowhere', '/dev/styleguide', '/dev/mailbox'];
    const signedIn = [
      ...[
        '/',
        `/edit/${postId}`,
        `/comment/${commentId + 1}`,
        `/comment/${commentId + 1}/reply`,
        `/user/admin`,
        '/user/pest',
        '/people/active',
        '/search?q=comment&type=comments',
        '/search?q=very&type=people',
        `/followers/${author.username}`,
        '/moderate',
        `/moderate/people/${author.id}`,
        '/moderate/reports',
        `/report/post/${postId}`,
        '/edit-profile',
        '/tag/bread',
        '/followed-tags',
      ],
      ...[
        `/edit-profile/${author.id}`,
        '/auth/change-password',
        '/auth/change-email',
        '/your-data',
        '/api-tokens',
      ],
      ...[
        '/admin/jobs',
        '/admin/jobs/list',
        '/admin/jobs/limits',
        '/admin/jobs/schedules',
        '/admin/jobs/audit',
        '/admin/settings',
        '/admin/settings/rules',
      ],
      ...['/admin/invitations', '/moderate/applications'],
      ...['/admin/people', '/admin/people?order=reported', `/admin/people/${author.id}`],
      ...[`/admin/people/${author.id}/mails`, `/admin/people/${author.id}/delete`],
      ...[
        '/auth/activity',
        '/admin/activity',
        '/auth/security',
        '/blocks',
        '/notifications',
        '/bookmarks',
        '/write',
        '/drafts',
        `/drafts/${draftId}`,
        '/auth/passkeys/add',
        '/auth/two-factor/on',
        '/edit-profile/mails',
        '/edit-profile/picture',
        '/images',
        '/your-data/delete',
      ],
    ];

    const visit = async (page: Page, path: string, except: readonly string[]) => {
      await page.setViewportSize({ width: 320, height: 900 });
      await page.emulateMedia({ colorScheme: 'dark' });
      const response = await page.goto(site + path);
      t.equal(await page.evaluate(LAYOUT_SHIFT), 0, `${path}: nothing moves`);
      const requests: string[] = await page.evaluate(REQUESTS);
      t.ok(requests.length > 0 && requests.length <= MAX_REQUESTS, `${path}: ${requests}`);
      t.same(await htmlFaults(response), [], `${path}: valid HTML`);
      t.same(await accessibilityFaults(page, { except }), [], `${path}: accessible on a phone in dark mode`);
      for (const width of [320, 768, 1440]) {
        if (width > 320) await page.setViewportSize({ width, height: 900 });
        const scrollWidth = await page.evaluate('document.documentElement.scrollWidth');
        t.equal(scrollWidth, width, `${path} at ${width}: no scroll sideways`);
      }
      await page.emulateMedia({ colorScheme: 'light' });
      const faults = await accessibilityFaults(page, { rules: LOOKS, except });
      t.same(faults, [], `${path}: accessible on a desktop in light mode`);
    };
    const visitAll = async (paths: readonly string[], email?: string) => {
      const page = await openPage(t);
      await preloadAxe(page);
      if (email !== undefined) await logIn(page, site, email);
      const browserCache = await page.context().newCDPSession(page);
      await browserCache.send('Network.enable');
      await browserCache.send('Network.setCacheDisabled', { cacheDisabled: true });
      const [first = '', ...others] = paths;
      await visit(page, first, []);
      for (const path of others) await visit(page, path, FRAME);
    };
    await Promise.all([visitAll([...open, ...forms]), visitAll(signedIn, admin.email)]);
  },
);

/** Returns the errors in a page's HTML source, one line each. */
async function htmlFaults(response: Response | null): Promise<string[]> {
  const { results } = await validator.validateString((await response?.text()) ?? '');
  return results.flatMap(({ messages }) =>
    messages.map(({ ruleId, message, line }) => `${line} ${ruleId}: ${message}`),
  );
}

/** The contrast of links and of buttons, as defined by WCAG 2. */
const CONTRASTS = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d');
  const luminance = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const button = getComputedStyle(document.querySelector('main button'));
  const link = getComputedStyle(document.querySelector('main a'));
  const { backgroundColor } = getComputedStyle(document.documentElement);
  return [contrast(button.color, button.backgroundColor), contrast(link.color, backgroundColor)];
})()`;

t.test('links and buttons have enough contrast in every colour, in light and dark mode', async (t) => {
  const app = await build(t);
  const site = await listen(t, app);
  const page = await openPage(t);
  await page.goto(`${site}/auth/login`);
  const seen = new Set<string>();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const colour of COLOUR_NAMES) {
      await page.evaluate(`document.documentElement.dataset.colour = '${colour}'`);
      const contrasts: number[] = await page.evaluate(CONTRASTS);
      for (const contrast of contrasts) t.ok(contrast >= 4.5, `${colour}, ${colorScheme}: ${contrast}`);
      seen.add(contrasts.join());
    }
  }
  t.equal(seen.size, 2 * COLOUR_NAMES.length, 'each is different');
});

t.test('the style sheet and the module are small', async (t) => {
  const app = await build(t);
  const sizes = await Promise.all(
    ['style.css', 'app.js'].map(
      async (name) => gzipSync((await app.inject(`/assets/${name}`)).rawPayload).length,
    ),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  t.ok(total <= MAX_BYTES, `${total} bytes`);
});

t.test('an empty site welcomes its first visitor and explains how to become Administrator', async (t) => {
  const app = await build(t);
  const site = await listen(t, app);
  const page = await openPage(t, { viewport: { width: 320, height: 700 } });
  const response = await page.goto(site);
  t.equal(await page.textContent('h1'), 'Welcome to Pennypost');
  t.match(await page.textContent('main'), 'ADMIN_EMAIL');
  t.same(await accessibilityFaults(page), []);
  t.same(await htmlFaults(response), []);
  await createUser(app);
  await page.reload();
  t.equal(await page.textContent('h1'), 'Hello, Stranger!');
  t.match(await page.textContent('.empty'), 'No posts yet.');
  t.same(await accessibilityFaults(page), []);
});

t.test('first steps help a newcomer to follow people and to write, until both are done', async (t) => {
  const app = await build(t);
  const site = await listen(t, app);
  const author = await createUser(app, { username: 'author' });
  await writePosts(app, author);
  const newcomer = await createUser(app, { username: 'newcomer' });
  const page = await openPage(t);
  await logIn(page, site, newcomer.email);
  const response = await page.goto(site);
  t.same(await accessibilityFaults(page), []);
  t.same(await htmlFaults(response), []);
  await page.getByRole('button', { name: 'Follow author' }).click();
  await page.getByText('You are now following author.').waitFor();
  await page.goto(site);
  t.equal(await page.getByRole('button', { name: 'Follow author' }).count(), 0);
  await page.fill('#body', 'My first post');
  await page.getByRole('button', { name: 'Publish' }).click();
  await page.locator('.posts').getByText('My first post').waitFor();
  t.equal(await page.locator('.first-steps').count(), 0);
});
