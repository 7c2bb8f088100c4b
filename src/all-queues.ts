import { deadLetterName, type QueueContract } from './queue/index.ts';
import * as queues from './queues.ts';

/** All contracts in src/queues.ts. `npm run migrate` creates and updates their queues. */
export const queueContracts: readonly QueueContract[] = Object.values(queues).filter(
  (exported) => typeof exported === 'object',
);

/** The queues that workers work, and those with the dead letter queues. */
export const WORK_QUEUES = queueContracts.map(({ name }) => name);
export const ALL_QUEUES = [...WORK_QUEUES, ...queueContracts.map(deadLetterName)];
