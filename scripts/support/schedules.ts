import type { FastifyInstance } from 'fastify';
import { queueContracts } from '../../src/all-queues.ts';
import { StartupError } from '../../src/errors.ts';
import {
  actOnSchedule,
  describeRule,
  listSchedules,
  nameOfSchedule,
  nextTime,
  recordAction,
  type ScheduleAction,
} from '../../src/queue/index.ts';
import { columns } from './columns.ts';

interface Terminal {
  readonly app: FastifyInstance;
  readonly print: (text: string) => void;
}

/** Lists when jobs are enqueued automatically. */
export async function printSchedules(
  { app: { db }, print }: Terminal,
  { json }: { json: boolean },
): Promise<void> {
  const schedules = await listSchedules(db);
  if (json) return print(JSON.stringify(schedules, null, 2));
  const rows = schedules.map((schedule) => {
    const { rule, timeZone, pausedAt, lastRun, lastState } = schedule;
    const next = pausedAt === null ? nextTime(rule, timeZone, new Date())?.toISOString() : 'paused';
    const last = lastRun === null ? '' : `${lastRun.toISOString()} ${lastState}`;
    return [nameOfSchedule(schedule), `${describeRule(rule)} (${timeZone})`, next ?? 'ended', last];
  });
  print(columns([['schedule', 'when', 'next', 'last'], ...rows]));
}

/**
 * Pauses or resumes a schedule, or enqueues its job now, and records it.
 *
 * @throws StartupError if there is no such schedule
 */
export async function changeSchedule(
  { app, print }: Terminal,
  action: ScheduleAction,
  { name = '', by }: { name: string | undefined; by: string },
): Promise<void> {
  const schedules = await listSchedules(app.db);
  const key = schedules.find((schedule) => nameOfSchedule(schedule) === name);
  if (key === undefined) {
    const known = schedules.map(nameOfSchedule).join(', ');
    throw new StartupError(2, `NAME: "${name}" is not a schedule; choose from ${known}`);
  }
  const message = await actOnSchedule(app, queueContracts, { action, key });
  const subject = `queue=${key.queue}&schedule=${key.name}`;
  await recordAction(app.db, { username: by, action: message, subject });
  print(message);
}
