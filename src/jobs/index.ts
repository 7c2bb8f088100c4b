import type { JobDefinition } from '../queue/index.ts';
import alarm from './alarm.ts';
import alarmWebhook from './alarm-webhook.ts';
import dailyNotifications from './daily-notifications.ts';
import digest from './digest.ts';
import digestSummary from './digest-summary.ts';
import erasure from './erasure.ts';
import dataExport from './export.ts';
import dataImport from './import.ts';
import indexTexts from './index-texts.ts';
import mail from './mail.ts';
import moderateTexts from './moderate-texts.ts';
import notificationMail from './notification-mail.ts';
import notify from './notify.ts';
import picture from './picture.ts';
import postMail from './post-mail.ts';
import prune from './prune.ts';
import publishDraft from './publish-draft.ts';
import renderTexts from './render-texts.ts';

/** Every job a worker can do. */
export const jobs: readonly JobDefinition[] = [
  mail,
  notify,
  notificationMail,
  dailyNotifications,
  digest,
  digestSummary,
  postMail,
  dataExport,
  dataImport,
  picture,
  publishDraft,
  moderateTexts,
  renderTexts,
  indexTexts,
  erasure,
  prune,
  alarm,
  alarmWebhook,
];
