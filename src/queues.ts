import { Type } from 'typebox';
import { about, date, fields, id, mail, moment } from './payloads.ts';
import { batchCounts, DATABASE_ONLY, defineQueue } from './queue/index.ts';

/**
 * Sends a mail to one person, or to an address that subscribes to somebody's posts. An outage of the mail server must not lose
 * mail: delays grow from 2 seconds to 15 minutes, and 400 retries take four days, as RFC 5321 (4.5.4.1) asks of senders.
 */
export const mailQueue = defineQueue({
  name: 'mail',
  payload: Type.Union([
    mail('confirm-account', { userId: id() }),
    /** Whether the address has an account is looked up by the job. */
    mail('reset-password', { passwordResetId: id() }),
    /** Sent to the new address; the next two go to the old one. */
    mail('change-email', { emailChangeId: id() }),
    mail('email-changed', { emailChangeId: id() }),
    mail('email-changed-for-you', { emailChangeId: id() }),
    mail('password-changed', { userId: id() }),
    mail('two-factor-on', { userId: id() }),
    mail('two-factor-off', { userId: id() }),
    mail('passkey-added', { userId: id() }),
    mail('passkey-removed', { userId: id() }),
    /** `address` is the IP address of the log-in. */
    mail('new-login', { userId: id(), address: Type.String({ maxLength: 64 }) }),
    /** `number` counts the recipient's notification mails. */
    mail('notifications', { userId: id(), number: id() }),
    /** `week` is its Monday. */
    mail('weekly-digest', { userId: id(), week: date() }),
    mail('export-ready', { userId: id(), exportId: id() }),
    mail('import-ended', { userId: id(), importId: id() }),
    mail('account-deletion', { userId: id() }),
    mail('application-approved', { userId: id() }),
    mail('application-declined', { userId: id() }),
    mail('moderation', { userId: id(), eventId: id() }),
    mail('confirm-subscription', { subscriptionId: id() }),
    mail('new-post', { subscriptionId: id(), postId: id() }),
  ]),
  retry: { limit: 400, delaySeconds: 2, maxDelaySeconds: 15 * 60 },
  timeoutSeconds: 120,
  prefetch: 40,
  limitedBy: 'recipient domain',
});

/** Bulk mail goes after mail that people are waiting for. */
export const BULK_MAIL_PRIORITY = -10;

/** Writes the notifications of one cause. */
export const notifyQueue = defineQueue({
  name: 'notify',
  payload: Type.Union([
    about('post', { postId: id() }),
    about('comment', { commentId: id() }),
    about('like', { userId: id(), postId: id() }),
    about('follow', { followerId: id(), followedId: id() }),
    /** `eventId` identifies the moderator's decision. */
    about('moderation', { eventId: id() }),
  ]),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30,
  prefetch: 40,
});

/** Mails a person's immediate notifications, collected into one mail an hour. */
export const notificationMailQueue = defineQueue({
  name: 'notification-mails',
  payload: fields({ userId: id() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30,
  key: { of: ({ userId }) => String(userId), rule: 'unique-while-waiting' },
});

/** Mails people's daily notifications, at 6:30 in the site's time zone. */
export const dailyNotificationsQueue = defineQueue({
  name: 'daily-notifications',
  payload: fields({}),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  concurrency: 1,
  key: { of: () => 'all', rule: 'unique-while-waiting' },
  schedules: [{ name: 'daily', cron: '30 6 * * *', payload: {} }],
});

/** Sends last week's digest to everyone who wants it, on Mondays at 7:00 in the site's time zone. */
export const digestQueue = defineQueue({
  name: 'digest',
  payload: fields({}),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  concurrency: 1,
  key: { of: () => 'all', rule: 'unique-while-waiting' },
  schedules: [{ name: 'weekly', cron: '0 7 * * 1', payload: {} }],
});

/** Mails the operator the outcome of a week's digest. */
export const digestSummaryQueue = defineQueue({
  name: 'digest-summary',
  /** `week` is its Monday. */
  payload: fields({ week: date(), counts: batchCounts() }),
  retry: { limit: 30, delaySeconds: 5, maxDelaySeconds: 15 * 60 },
  timeoutSeconds: 120,
  concurrency: 1,
});

/** Mails a post to its author's subscribers, some minutes after its publication. */
export const postMailQueue = defineQueue({
  name: 'post-mails',
  payload: fields({ postId: id() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  concurrency: 1,
});

/** Writes a person's data export. */
export const exportQueue = defineQueue({
  name: 'exports',
  payload: fields({ exportId: id() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30 * 60,
  concurrency: 2,
});

/** Imports a person's export from another site. */
export const importQueue = defineQueue({
  name: 'imports',
  payload: fields({ importId: id() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30 * 60,
  concurrency: 1,
});

/** Turns an upload into a person's picture or an image for posts. One at a time, because each may take a lot of memory. */
export const pictureQueue = defineQueue({
  name: 'pictures',
  payload: Type.Union([fields({ userId: id() }), fields({ imageId: id() })]),
  retry: DATABASE_ONLY,
  timeoutSeconds: 60,
  runs: 'thread',
  concurrency: 1,
  key: { of: (made) => String(Object.entries(made)), rule: 'unique-while-waiting' },
});

/** Imported images go after images that people are waiting for. */
export const BULK_PICTURE_PRIORITY = -10;

/** Publishes a scheduled draft. Does nothing if it is no longer scheduled for `publishAt`, an ISO 8601 time. */
export const publishDraftQueue = defineQueue({
  name: 'publish-draft',
  payload: fields({ draftId: id(), publishAt: moment() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30,
  key: { of: ({ draftId }) => String(draftId), rule: 'replace' },
});

/** Hides everything a person wrote, or shows it again. Runs in order, so the last decision counts. */
export const moderateTextsQueue = defineQueue({
  name: 'moderate-texts',
  payload: fields({ userId: id(), isDisabled: Type.Boolean() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  concurrency: 1,
  key: { of: ({ userId }) => String(userId), rule: 'in-order' },
});

/** Renders texts again that an older release rendered. */
export const renderTextsQueue = defineQueue({
  name: 'render-texts',
  payload: fields({}),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  runs: 'thread',
  concurrency: 1,
  priority: -20,
  key: { of: () => 'all', rule: 'unique-while-waiting' },
});

/** Indexes all texts again after the language of the search has changed. */
export const indexTextsQueue = defineQueue({
  name: 'index-texts',
  payload: fields({}),
  retry: DATABASE_ONLY,
  timeoutSeconds: 4 * 60 * 60,
  concurrency: 1,
  key: { of: () => 'all', rule: 'unique-while-waiting' },
});

/** Erases an account, a week after its owner asked for it. */
export const erasureQueue = defineQueue({
  name: 'erasure',
  payload: fields({ userId: id() }),
  retry: DATABASE_ONLY,
  timeoutSeconds: 30 * 60,
  concurrency: 1,
});

/** Deletes expired rows every hour, at a minute when nothing else is scheduled. */
export const pruneQueue = defineQueue({
  name: 'prune',
  payload: fields({}),
  retry: DATABASE_ONLY,
  timeoutSeconds: 15 * 60,
  concurrency: 1,
  key: { of: () => 'all', rule: 'unique-while-waiting' },
  schedules: [{ name: 'hourly', cron: '23 * * * *', payload: {} }],
});

/** Mails an error report to the operator. Gives up sooner than other mail, because last week's errors are of little use. */
export const alarmQueue = defineQueue({
  name: 'alarm',
  payload: fields({ alarmId: id() }),
  retry: { limit: 30, delaySeconds: 5, maxDelaySeconds: 15 * 60 },
  timeoutSeconds: 120,
  concurrency: 1,
});

/** Posts the error report to ALERT_WEBHOOK_URL, in case mail is what failed. */
export const alarmWebhookQueue = defineQueue({
  name: 'alarm-webhook',
  payload: fields({ alarmId: id() }),
  retry: { limit: 30, delaySeconds: 5, maxDelaySeconds: 15 * 60 },
  timeoutSeconds: 30,
  concurrency: 1,
});
