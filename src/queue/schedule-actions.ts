import type { ScheduleAction } from './actions.ts';
import type { QueueContract } from './contract.ts';
import type { Queue } from './queue.ts';
import { pauseSchedule, resumeSchedule, runScheduleNow, type ScheduleKey } from './schedules.ts';
import type { Db } from './tables.ts';

/** A schedule's name on pages and in commands, such as `digest/weekly`. */
export function nameOfSchedule({ queue, name }: ScheduleKey): string {
  return `${queue}/${name}`;
}

/** Whether a contract has this schedule. */
export function hasSchedule(contracts: readonly QueueContract[], { queue, name }: ScheduleKey): boolean {
  return contracts.some(
    (contract) => contract.name === queue && contract.schedules?.some((schedule) => schedule.name === name),
  );
}

/**
 * Pauses or resumes a schedule, or enqueues its job now. Returns a sentence that reports it.
 *
 * @throws RangeError when running a schedule that no contract has
 */
export async function actOnSchedule(
  { db, queue }: { db: Db; queue: Queue },
  contracts: readonly QueueContract[],
  { action, key }: { action: ScheduleAction; key: ScheduleKey },
): Promise<string> {
  const name = nameOfSchedule(key);
  if (action === 'pause-schedule') {
    await pauseSchedule(db, key);
    return `Schedule ${name} paused.`;
  }
  if (action === 'resume-schedule') {
    await resumeSchedule(db, key);
    return `Schedule ${name} resumed.`;
  }
  const id = await runScheduleNow({ db, queue }, contracts, key);
  return id === undefined
    ? `A job of ${key.queue} is already waiting, so ${name} added none.`
    : `Schedule ${name}: 1 job started.`;
}
