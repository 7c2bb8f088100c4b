import { queueContracts } from './contracts.ts';
import { deadLetterName } from './dead-letters.ts';

/** The queues that workers work, those of dead letters, and both. */
export const WORK_QUEUES = queueContracts.map(({ name }) => name);
export const DEAD_QUEUES = queueContracts.map(deadLetterName);
export const ALL_QUEUES = [...WORK_QUEUES, ...DEAD_QUEUES];
