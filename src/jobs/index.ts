import type { JobDefinition } from '../plugins/queue/job.ts';
import mail from './mail.ts';

/** Every job a worker can do. */
export const jobs: readonly JobDefinition[] = [mail];
