import type { FastifyInstance } from 'fastify';
import { describeRule, listSchedules, nameOfSchedule, nextTimes } from '../../../queue/index.ts';
import { STATE_NAMES } from './states.ts';

/** Times shown for each schedule. */
const MAX_SHOWN = 3;

/** When jobs are enqueued automatically, and the outcome of the last ones. Operators pause schedules and run them now. */
export default async function schedules(app: FastifyInstance): Promise<void> {
  const { db } = app;

  app.get('/schedules', async (_request, reply) => {
    const now = new Date();
    return reply.page('admin/jobs/schedules', {
      title: 'Schedules',
      schedules: (await listSchedules(db)).map((schedule) => ({
        ...schedule,
        label: nameOfSchedule(schedule),
        words: describeRule(schedule.rule),
        next: nextTimes(schedule.rule, schedule.timeZone, { after: now, count: MAX_SHOWN }).map((time) => ({
          time,
          local: localTime(time, schedule.timeZone),
        })),
      })),
      stateNames: STATE_NAMES,
    });
  });
}

/** A time in a time zone, such as `Mon, 7 Dec 2026, 07:00 CET`. */
function localTime(time: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
    timeZoneName: 'short',
  }).format(time);
}
