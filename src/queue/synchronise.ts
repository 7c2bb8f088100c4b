import type { PgBoss, UpdateQueueOptions } from 'pg-boss';
import { deadLetterName, type QueueContract } from './contracts.ts';

/**
 * The jobs of a worker that was killed run again when they have shown no heartbeat for this long. 10 is the least
 * that pg-boss accepts.
 */
export const HEARTBEAT_SECONDS = 10;

/** The worker ends an attempt that takes too long itself; this long after, pg-boss does it for a worker that is stuck. */
const BACKSTOP_SECONDS = 60;

/** How long finished jobs are kept for the dashboard. */
const KEEP_SECONDS = 7 * 24 * 60 * 60;

/** Dead letters wait for somebody to look at them. */
const KEEP_DEAD_SECONDS = 90 * 24 * 60 * 60;

/**
 * Creates the queues that are missing and brings the settings and schedules of all to their contracts. For
 * `npm run migrate`.
 */
export async function synchroniseQueues(boss: PgBoss, contracts: readonly QueueContract[]): Promise<void> {
  const existing = new Set((await boss.getQueues()).map(({ name }) => name));
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
      deleteAfterSeconds: KEEP_SECONDS,
    };
    const policy = contract.uniqueKey === undefined ? 'standard' : 'short';
    await ensureQueue(boss, existing, contract.name, settings, policy);
  }
  await synchroniseSchedules(boss, contracts);
}

async function ensureQueue(
  boss: PgBoss,
  existing: ReadonlySet<string>,
  name: string,
  settings: Omit<UpdateQueueOptions, 'deadLetter' | 'retryDelayMax' | 'heartbeatSeconds'> & {
    deadLetter?: string;
    retryDelayMax?: number;
    heartbeatSeconds?: number;
  },
  policy = 'standard',
): Promise<void> {
  if (existing.has(name)) await boss.updateQueue(name, settings);
  else await boss.createQueue(name, { ...settings, policy });
}

async function synchroniseSchedules(boss: PgBoss, contracts: readonly QueueContract[]): Promise<void> {
  const wanted = new Map(
    contracts.flatMap(({ name, schedule }) => (schedule === undefined ? [] : [[name, schedule] as const])),
  );
  for (const { name, key } of await boss.getSchedules()) {
    if (!wanted.has(name)) await boss.unschedule(name, key);
  }
  for (const [name, { cron, payload }] of wanted) {
    await boss.schedule(name, cron, payload, { tz: 'UTC', missed: 'once' });
  }
}
