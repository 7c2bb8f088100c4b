import type { JobDefinition } from '../queue/job.ts';
import alarm from './alarm.ts';
import alarmWebhook from './alarm-webhook.ts';
import commentNotice from './comment-notice.ts';
import digest from './digest.ts';
import erasure from './erasure.ts';
import dataExport from './export.ts';
import mail from './mail.ts';
import moderateTexts from './moderate-texts.ts';
import picture from './picture.ts';
import prune from './prune.ts';
import renderTexts from './render-texts.ts';

/** Every job a worker can do. */
export const jobs: readonly JobDefinition[] = [
  mail,
  commentNotice,
  digest,
  dataExport,
  picture,
  moderateTexts,
  renderTexts,
  erasure,
  prune,
  alarm,
  alarmWebhook,
];
