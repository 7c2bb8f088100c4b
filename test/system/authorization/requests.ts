import type { BlockKind } from '../../../src/database/schema.ts';
import { block } from '../../../src/domain/blocks/block.ts';
import { report } from '../../../src/domain/moderation/report.ts';
import { bounce } from '../../support/bounce.ts';
import { PASSWORD, registration, siteSettings } from '../../support/factories.ts';
import { GIF_HEADER } from '../../support/images.ts';
import { codeOf, TOTP_SECRET } from '../../support/two-factor.ts';
import {
  anotherAdministrator,
  anotherSession,
  application,
  bookmarkedPost,
  bouncing,
  comment,
  confirmation,
  deletion,
  disabledComment,
  disabledPost,
  disabling,
  draft,
  emailChange,
  emailChangeToUndo,
  exportLink,
  finishedExport,
  followed,
  followedTag,
  freshName,
  image,
  imageFile,
  invitation,
  invitationId,
  job,
  likedPost,
  limitOnMail,
  mail,
  namedToken,
  noDigest,
  noExports,
  noImports,
  noLimits,
  noPausedQueues,
  notification,
  ownPasskey,
  ownPicture,
  pictureFile,
  pinnedPost,
  post,
  reset,
  returnKey,
  type Situation,
  scheduledDraft,
  silenced,
  sitePage,
  somebody,
  somebodyWithPicture,
  subscribing,
  titledPost,
  unnamedToken,
  unsubscribing,
  versionAt,
  waitingExport,
  waitingMailQueue,
  withoutTwoFactor,
  withTwoFactor,
} from './things.ts';

/** What a valid request to a route needs, besides a session or token. */
interface Request {
  /** Creates what the route acts on. Returns the value of its path parameter, if it has one. */
  readonly about?: (situation: Situation) => Promise<string | number | undefined>;
  /** The fields of the form or the JSON body. */
  readonly fields?: (situation: Situation) => Record<string, string>;
  /** Another body, and its type. */
  readonly payload?: string;
  readonly contentType?: string;
  readonly query?: string;
}

const hello = () => ({ body: 'Hello' });
const changed = () => ({ body: 'Changed' });
const passwordAndCode = () => ({ password: PASSWORD, code: codeOf() });
const owner = async ({ people }: Situation) => people.owner.username;
const tag = async () => 'bread';
const spam = () => ({ reason: 'Spam' });
const blocked = (kind: BlockKind) => async (situation: Situation) => {
  const person = await somebody(situation);
  const { app, actor } = situation;
  if (actor !== undefined) await block(app.db, { blockerId: actor.id, blockedId: person.id }, kind);
  return person;
};
type Somebody = (situation: Situation) => Promise<{ id: number; username: string }>;
const nameOf = (find: Somebody) => async (situation: Situation) => (await find(situation)).username;
const idOf = (find: Somebody) => async (situation: Situation) => (await find(situation)).id;
const somebodysName = nameOf(somebody);
const reported =
  (kind: 'post' | 'comment' | 'person', about: (situation: Situation) => Promise<number>) =>
  async (situation: Situation) => {
    const id = await about(situation);
    await report(situation.app.db, { kind, id }, { reporterId: situation.people.user.id, ...spam() });
    return id;
  };
const somebodysId = idOf(somebody);
const ownersId = async ({ people }: Situation) => people.owner.id;

const FREQUENCIES = {
  comment_mails: 'daily',
  reply_mails: 'daily',
  mention_mails: 'daily',
  follow_mails: 'daily',
};

const freshRegistration = () => {
  const username = freshName();
  return registration({ username, email: `${username}@example.com` });
};

/** What the only parameter of a path is about, if the route is not in REQUESTS. The first that fits counts. */
const PARAMETERS: readonly (readonly [RegExp, Request])[] = [
  [/\/comments?\/:id/, { about: comment }],
  [/\/(posts?|edit|history|likes?|bookmark)\/:id/, { about: post }],
  [/\/drafts\/:id/, { about: draft }],
  [/\/images\/:key/, { about: image }],
  [/:tag\b/, { about: tag }],
  [/:username\b/, { about: owner }],
  [/\/(users|by-id|edit-profile)\/:id/, { about: ownersId }],
];

/** A valid request to a route of the matrix. */
export function requestTo(route: string): Request {
  const isAboutOne = route.split(':').length === 2;
  return REQUESTS[route] ?? PARAMETERS.find(([path]) => isAboutOne && path.test(route))?.[1] ?? {};
}

/** By route, as in the matrix. Routes that need nothing, or only what PARAMETERS knows, are left out. */
export const REQUESTS: Readonly<Record<string, Request>> = {
  'GET /assets/:name': { about: async ({ app }) => app.assetPath('style.css').replace('/assets/', '') },
  'GET /icon/:colour([a-z]+).svg': { about: async () => 'blue' },
  'GET /avatar/:seed([0-9a-f-]{36}).svg': { about: async () => '3f0c2a56-8a5e-4d0e-9a53-6f3a4b1c2d7e' },
  'GET /avatar/:size(small|large)/:hash([\\w-]{43}).webp': { about: pictureFile },
  'GET /sitemap/posts/:number(^\\d{1,5}).xml': { about: async (situation) => (await post(situation)) && 1 },
  'GET /sitemap/people/:number(^\\d{1,5}).xml': { about: async () => 1 },
  'GET /archive/:year(^\\d{4})/:month(^\\d{2})': {
    about: async (situation) =>
      (await post(situation)) && new Date().toISOString().slice(0, 7).replace('-', '/'),
  },
  'GET /dev/mailbox/:id': { about: mail },
  'GET /dev/mailbox/:id/html': { about: mail },

  'POST /bounces/:key': { about: returnKey, payload: bounce() },

  'POST /auth/register': { fields: freshRegistration },
  'GET /auth/register/:invitation': { about: invitation },
  'POST /auth/register/:invitation': { about: invitation, fields: freshRegistration },
  'POST /auth/login': { fields: ({ people }) => ({ email: people.owner.email, password: PASSWORD }) },
  'POST /auth/unconfirmed': { fields: ({ people }) => ({ email: people.unconfirmed.email }) },
  'GET /auth/confirm/:token': { about: confirmation },
  'POST /auth/confirm/:token': { about: confirmation },
  'POST /auth/reset': { fields: ({ people }) => ({ email: people.owner.email }) },
  'GET /auth/reset/:token': { about: reset },
  'POST /auth/reset/:token': { about: reset, fields: () => ({ password: PASSWORD, password2: PASSWORD }) },
  'POST /auth/change-email': {
    fields: () => ({ email: `${freshName()}@example.com`, password: PASSWORD }),
  },
  'GET /auth/change-email/:token': { about: emailChange },
  'POST /auth/change-email/:token': { about: emailChange },
  'GET /auth/undo-deletion/:token': { about: deletion },
  'POST /auth/undo-deletion/:token': { about: deletion },
  'GET /auth/undo-email-change/:token': { about: emailChangeToUndo },
  'POST /auth/undo-email-change/:token': { about: emailChangeToUndo },
  'POST /auth/sessions/:id/end': { about: anotherSession },
  'POST /auth/sessions/end-others': { about: anotherSession },
  'POST /auth/login/code': { fields: () => ({ code: codeOf() }) },
  'GET /auth/two-factor/on': { about: withoutTwoFactor },
  'POST /auth/two-factor/on': {
    about: withoutTwoFactor,
    fields: () => ({ ...passwordAndCode(), secret: TOTP_SECRET }),
  },
  'GET /auth/two-factor/recovery-codes': { about: withTwoFactor },
  'POST /auth/two-factor/recovery-codes': { about: withTwoFactor, fields: passwordAndCode },
  'GET /auth/two-factor/off': { about: withTwoFactor },
  'POST /auth/two-factor/off': { about: withTwoFactor, fields: passwordAndCode },
  'POST /auth/passkeys/add': { fields: () => ({ name: 'Phone' }) },
  'GET /auth/passkeys/:id': { about: ownPasskey },
  'POST /auth/passkeys/:id': { about: ownPasskey, fields: () => ({ name: 'Key' }) },
  'POST /auth/bounced': { about: bouncing },
  'POST /auth/verify': { fields: () => ({ password: PASSWORD }) },
  // The same password with a new salt, so that everyone can still log in for the next row.
  'POST /auth/change-password': {
    fields: () => ({ old_password: PASSWORD, password: PASSWORD, password2: PASSWORD }),
  },

  'POST /': { fields: hello },
  'POST /write': { fields: hello },
  'POST /drafts': { fields: hello },
  'POST /drafts/schedule': {
    fields: () => ({ ...hello(), publish_at: `${new Date().getUTCFullYear() + 1}-01-01T00:00` }),
  },
  'POST /drafts/:id/unschedule': { about: scheduledDraft },
  'POST /tag/:tag/follow': { about: async () => freshName() },
  'POST /tag/:tag/unfollow': { about: followedTag },
  'POST /post/:id/unpin': { about: pinnedPost },
  'GET /post/:id/:slug': { about: titledPost },
  'POST /post/:id': { about: post, fields: hello },
  'POST /edit/:id': { about: post, fields: changed },
  'POST /comment/:id/edit': { about: comment, fields: changed },
  'GET /people/complete': { query: '?q=o' },
  'POST /follow/:username': { about: somebodysName },
  'POST /unfollow/:username': { about: nameOf(followed) },
  'GET /history/:id/:version': { about: versionAt('/') },
  'POST /history/:id/:version/delete': { about: versionAt('/') },
  'POST /unlike/:id': { about: likedPost },
  'POST /unbookmark/:id': { about: bookmarkedPost },
  'POST /mute/:username': { about: somebodysName },
  'POST /unmute/:username': { about: nameOf(blocked('mute')) },
  'POST /block/:username': { about: somebodysName },
  'POST /unblock/:username': { about: nameOf(blocked('block')) },
  'POST /edit-profile': { fields: () => ({ name: freshName() }) },
  'POST /edit-profile/mails': { about: noDigest, fields: () => ({ digest: 'y', ...FREQUENCIES }) },
  'POST /edit-profile/picture': {
    payload: '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nA\r\n--x--',
    contentType: 'multipart/form-data; boundary=x',
  },
  'POST /edit-profile/picture/remove': { about: ownPicture },
  'POST /images': {
    payload: `--x\r\ncontent-disposition: form-data; name="decorative"\r\n\r\ny\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n${GIF_HEADER}\r\n--x--`,
    contentType: 'multipart/form-data; boundary=x',
  },
  'GET /images/:key([\\w-]{22})/:width(^\\d{1,4}).webp': { about: imageFile },
  'POST /edit-profile/:id': {
    about: ownersId,
    fields: ({ people: { owner } }) => ({
      email: owner.email,
      username: owner.username,
      confirmed: 'y',
      role: 'User',
      name: freshName(),
    }),
  },
  'GET /notifications/:id': { about: notification },
  'POST /notifications/read': {
    about: async (situation) => (await notification(situation)) && undefined,
    fields: () => ({ last: '2147483647' }),
  },
  'POST /your-data': { about: noExports },
  'POST /your-data/delete': { about: anotherAdministrator, fields: () => ({ texts: 'keep' }) },
  'POST /your-data/import': {
    about: noImports,
    payload: '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nA\r\n--x--',
    contentType: 'multipart/form-data; boundary=x',
  },
  'POST /your-data/cancel': { about: waitingExport },
  'GET /your-data/download': { about: finishedExport },
  'GET /your-data/:token': { about: exportLink },
  'POST /api-tokens': { fields: () => ({ name: 'Reader', scope: 'read', lifetime: '30' }) },
  'POST /api-tokens/:id/revoke': { about: namedToken },
  'POST /api-tokens/revoke-unnamed': { about: unnamedToken },
  'POST /user/:username/subscribe': {
    about: owner,
    fields: () => ({ email: `${freshName()}@example.com`, homepage: '' }),
  },
  'GET /subscribe/:token': { about: subscribing },
  'POST /subscribe/:token': { about: subscribing },
  'GET /unsubscribe/:token': { about: unsubscribing },
  'POST /unsubscribe/:token': { about: unsubscribing },

  'POST /report/post/:id': { about: post, fields: spam },
  'POST /report/comment/:id': { about: comment, fields: spam },
  'GET /report/person/:id': { about: somebodysId },
  'POST /report/person/:id': { about: somebodysId, fields: spam },
  'POST /moderate/reports/post/:id/close': { about: reported('post', post) },
  'POST /moderate/reports/comment/:id/close': { about: reported('comment', comment) },
  'POST /moderate/reports/person/:id/close': { about: reported('person', somebodysId) },
  'POST /moderate/applications/:id/approve': { about: application },
  'POST /moderate/applications/:id/decline': { about: application },
  'GET /moderate/people/:id': { about: somebodysId },
  'POST /moderate/people/:id': {
    about: somebodysId,
    fields: () => ({ kind: 'silenced', period: '7', reason: 'Spam' }),
  },
  'POST /moderate/people/:id/lift': { about: silenced },
  'POST /moderate/people/:id/hide-texts': { about: somebodysId },
  'POST /moderate/people/:id/show-texts': { about: somebodysId },
  'POST /admin/activity/:id/undo': { about: disabling },
  'POST /moderate/people/:id/remove-picture': { about: somebodyWithPicture },
  'POST /moderate/enable/:id': { about: disabledComment },
  'POST /moderate/disable/:id': { about: comment },
  'POST /moderate/enable/post/:id': { about: disabledPost },
  'GET /admin/people/:id': { about: somebodysId },
  'POST /admin/people/:id': { about: somebodysId, fields: () => ({ action: 'end-access' }) },
  'GET /admin/people/:id/mails': { about: somebodysId },
  'GET /admin/people/:id/delete': { about: somebodysId },
  'POST /admin/people/:id/delete': {
    about: somebodysId,
    fields: () => ({ when: 'later', texts: 'keep', reason: 'Spam' }),
  },
  'GET /about': { about: sitePage('about') },
  'GET /rules': { about: sitePage('rules') },
  'GET /privacy': { about: sitePage('privacy') },
  'GET /imprint': { about: sitePage('imprint') },
  'POST /admin/invitations': { fields: () => ({ uses: '3', days: '7' }) },
  'POST /admin/invitations/:id/revoke': { about: invitationId },
  'POST /admin/settings': { fields: () => siteSettings({ tagline: freshName() }) },
  'GET /admin/settings/:page': { about: async () => 'rules' },
  'POST /admin/settings/:page': { about: async () => 'rules', fields: () => ({ body: freshName() }) },
  'GET /admin/jobs/job/:queue/:id': { about: job },
  'GET /admin/jobs/ask': { query: '?action=pause&queue=mail' },
  'POST /admin/jobs/limits': {
    about: noLimits,
    fields: () => ({ queue: 'mail', key: '', rate: '200/hour' }),
  },
  'POST /admin/jobs/limits/remove': { about: limitOnMail, fields: () => ({ queue: 'mail', key: '' }) },
  'POST /admin/jobs/limits/try': { about: waitingMailQueue, fields: () => ({ queue: 'mail' }) },
  'POST /admin/jobs/do': { about: noPausedQueues, fields: () => ({ action: 'pause', queue: 'mail' }) },

  'POST /api/v1/posts/': { fields: hello },
  'POST /api/v1/drafts/': { fields: hello },
  'PUT /api/v1/drafts/:id': { about: draft, fields: changed },
  'PUT /api/v1/drafts/:id/schedule': {
    about: draft,
    fields: () => ({ publish_at: `${new Date().getUTCFullYear() + 1}-01-01T00:00Z` }),
  },
  'DELETE /api/v1/drafts/:id/schedule': { about: scheduledDraft },
  'PUT /api/v1/posts/:id': { about: post, fields: changed },
  'DELETE /api/v1/posts/:id/pin': { about: pinnedPost },
  'GET /api/v1/posts/:id/versions/:number': { about: versionAt('/versions/') },
  'DELETE /api/v1/posts/:id/versions/:number': { about: versionAt('/versions/') },
  'PUT /api/v1/posts/:id/report': { about: post, fields: spam },
  'PUT /api/v1/comments/:id/report': { about: comment, fields: spam },
  'PUT /api/v1/users/:id/report': { about: somebodysId, fields: spam },
  'DELETE /api/v1/posts/:id/like': { about: likedPost },
  'DELETE /api/v1/posts/:id/bookmark': { about: bookmarkedPost },
  'POST /api/v1/posts/:id/comments/': { about: post, fields: hello },
  'PUT /api/v1/comments/:id': { about: comment, fields: changed },
  'PUT /api/v1/tags/:tag/follow': { about: async () => freshName() },
  'DELETE /api/v1/tags/:tag/follow': { about: followedTag },
  'GET /api/v1/search': { query: '?q=owl' },
  'POST /api/v1/notifications/read': {
    about: async (situation) => (await notification(situation)) && undefined,
    fields: () => ({}),
  },
  'POST /api/v1/images/': { payload: GIF_HEADER, contentType: 'image/gif', query: '?alt=' },
  'PUT /api/v1/users/:id/follow': { about: somebodysId },
  'DELETE /api/v1/users/:id/follow': { about: idOf(followed) },
  'PUT /api/v1/users/:id/mute': { about: somebodysId },
  'DELETE /api/v1/users/:id/mute': { about: idOf(blocked('mute')) },
  'PUT /api/v1/users/:id/block': { about: somebodysId },
  'DELETE /api/v1/users/:id/block': { about: idOf(blocked('block')) },
};
