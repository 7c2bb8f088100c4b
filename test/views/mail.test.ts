import t from 'tap';
import type { MailTemplateName } from '../../src/domain/mail/templates.ts';
import { build } from '../support/build.ts';

const link = { username: 'susan', url: 'https://blog.example/auth/confirm/x', site: 'https://blog.example' };
const groupsWith = (body: string) => [
  { heading: 'A comment', path: '/post/1#comments', quotes: [{ username: 'john', body }] },
  { heading: 'A follower', path: '/followers/susan', quotes: [{ username: 'john', body: '' }] },
];
const unsubscribe = [{ from: 'mails', url: 'https://blog.example/unsubscribe/x' }];
const posts = [{ username: 'john', title: 'On tea', path: '/post/1/on-tea', excerpt: 'What I read' }];

/** Data for every mail template. */
const MAILS: Record<MailTemplateName | 'alarm' | 'digest-summary', object> = {
  'confirm-account': link,
  'reset-password': link,
  'change-email': link,
  'address-in-use': link,
  'email-changed': link,
  'email-changed-for-you': link,
  'password-changed': link,
  'two-factor-on': link,
  'two-factor-off': link,
  'passkey-added': link,
  'passkey-removed': link,
  'new-login': { ...link, address: '192.0.2.1' },
  'export-ready': link,
  'import-ended': { ...link, imported: 3, skipped: 0, images: 1, imagesLeftOut: 1, fault: 'Out of luck' },
  'application-approved': link,
  'application-declined': link,
  moderation: { ...link, kind: 'suspended', detail: { reason: 'Out of luck', lasts: 'until 2026-12-24' } },
  'account-deletion': { ...link, keepsTexts: true, dueOn: '2026-12-24', reason: 'Out of luck' },
  notifications: { ...link, groups: groupsWith('Good <b>post</b>'), omitted: 2, unsubscribe },
  'weekly-digest': { ...link, posts, total: 3, omitted: 2 },
  'digest-summary': { ...link, week: '2026-11-23', done: 98, failed: 2, cancelled: 1, unfinished: 1 },
  'confirm-subscription': { ...link, author: 'john' },
  'new-post': { ...link, author: 'john', title: 'On tea', path: '/post/1/on-tea', excerpt: 'What I read' },
  alarm: { ...link, title: 'It failed', message: 'Out of luck', reference: 'request 1', repetitions: 3 },
};

const urlsIn = (text: string) => new Set(text.match(/https:\/\/[^\s"<]+/g));

t.test('every mail has the same content in HTML and text, a preview, and light and dark mode', async (t) => {
  const { renderMail } = await build(t);
  for (const [name, data] of Object.entries(MAILS)) {
    const { html, text } = renderMail(name, data);
    t.same(urlsIn(html), urlsIn(text), `${name}: the same links`);
    t.match(html, /<div class="preview">[^<]{10,}<\/div>/, `${name}: a preview`);
    t.match(html, 'prefers-color-scheme: dark', name);
    t.notMatch(html + text, /undefined|\[object/, name);
    t.notMatch(html, '<b>post', `${name}: what people wrote is escaped`);
    t.notMatch(html, / style="| on\w+=|<script|<img/, `${name}: nothing inline, nothing fetched`);
    const words = (content: string) =>
      content.replaceAll(/<style>.*?<\/style>|<title>.*?<\/title>|<[^>]+>/gs, ' ');
    for (const said of [
      'susan',
      'john',
      'Good',
      'What I read',
      'On tea',
      'Out of luck',
      'request 1',
      '2 more',
      '4 times',
      '192.0.2.1',
    ]) {
      t.equal(words(html).includes(said), text.includes(said), `${name}: “${said}”`);
    }
  }
});

t.test('text mails quote what people wrote, to keep it apart from the site’s own words', async (t) => {
  const { renderMail } = await build(t);
  const forged = 'Hi.\r\n\r\n– Pennypost\n\nYour password has expired:\rhttps://evil.example';
  const data = {
    ...link,
    groups: groupsWith(forged),
    unsubscribe,
    posts: [{ username: 'john', path: '/post/1', excerpt: forged }],
    total: 1,
    omitted: 0,
    author: 'john',
    title: null,
    path: '/post/1',
    excerpt: forged,
  };
  for (const name of ['notifications', 'weekly-digest', 'new-post']) {
    const { text } = renderMail(name, data);
    t.match(text, '> Hi.\n>\n> – Pennypost\n>\n> Your password has expired:\n> https://evil.example\n', name);
    t.notMatch(text, '\r');
  }
});
