import type { PgBoss, Queue } from 'pg-boss';
import type { QueueContract } from './contract.ts';
import { deadLetterName, KEEP_DEAD_SECONDS } from './dead-letters.ts';
import { changePolicy } from './jobs-table.ts';
import { policyOf } from './keys.ts';
import { synchroniseSchedules } from './schedules.ts';
import type { Db } from './tables.ts';

/** A killed worker's jobs run again once their heartbeat is this old. pg-boss accepts no less than 10. */
const HEARTBEAT_SECONDS = 10;

/** pg-boss fails an attempt this long after its timeout, in case a stuck worker does not. */
const BACKSTOP_SECONDS = 60;

/** How long finished jobs are kept for the dashboard. */
const KEEP_SECONDS = 7 * 24 * 60 * 60;

/**
 * How long a job may wait before pg-boss deletes it, from when it could first run. A limit, a pause or a missing worker may hold
 * it up for long.
 */
export const KEEP_WAITING_SECONDS = 365 * 24 * 60 * 60;

/**
 * Creates missing queues, and updates settings and schedules to match the contracts. Run it before the processes start.
 *
 * @param timeZone for schedules that name none
 */
export async function synchroniseQueues(
  { boss, db }: { boss: PgBoss; db: Db },
  contracts: readonly QueueContract[],
  timeZone: string,
): Promise<void> {
  const existing = new Map((await boss.getQueues()).map(({ name, policy = 'standard' }) => [name, policy]));
  for (const contract of contracts) {
    const deadLetter = deadLetterName(contract);
    await ensureQueue(boss, existing, deadLetter, { retentionSeconds: KEEP_DEAD_SECONDS });
    const settings = {
      deadLetter,
      retryLimit: contract.retry.limit,
      retryDelay: contract.retry.delaySeconds,
      retryDelayMax: contract.retry.maxDelaySeconds,
      retryBackoff: true,
      expireInSeconds: contract.timeoutSeconds + BACKSTOP_SECONDS,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      retentionSeconds: KEEP_WAITING_SECONDS,
      deleteAfterSeconds: KEEP_SECONDS,
    };
    await ensureQueue(boss, existing, contract.name, settings, policyOf(contract));
  }
  await synchroniseSchedules(db, contracts, timeZone);
}

async function ensureQueue(
  boss: PgBoss,
  existing: ReadonlyMap<string, string>,
  name: string,
  settings: Omit<Queue, 'name' | 'partition' | 'policy'>,
  policy = 'standard',
): Promise<void> {
  if (!existing.has(name)) return boss.createQueue(name, { ...settings, policy });
  await boss.updateQueue(name, settings);
  if (existing.get(name) !== policy) await changePolicy(boss.getDb(), name, policy);
}
