import { PgBoss } from 'pg-boss';
import { isTimeZone } from './time-zone.ts';

/** A recurrence rule. */
export type Recurrence =
  /** Five fields: minute, hour, day of the month, month, and day of the week. */
  | { readonly cron: string }
  /** An iCalendar rule (RFC 5545), such as `FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17`. Without a DTSTART, it starts in 1970. */
  | { readonly rrule: string };

/** Clocks are set back by at most two hours, at Troll in Antarctica. */
const REPEATED_MS = 2 * 60 * 60 * 1000;

/** Only computes times. It is never started, so it does not connect. */
const calendar = new PgBoss({ connectionString: 'postgres:///' });

/** The rule's text. */
export function ruleOf(recurrence: Recurrence): string {
  return 'cron' in recurrence ? recurrence.cron : recurrence.rrule;
}

/** Whether a rule is in iCalendar's format rather than cron's. */
export function isRrule(rule: string): boolean {
  return /\bFREQ=/i.test(rule);
}

/** Why a recurrence is invalid, naming the field; undefined if it is valid. */
export function validateRecurrence(recurrence: Recurrence, timeZone = 'UTC'): string | undefined {
  const rule = ruleOf(recurrence);
  const field = 'cron' in recurrence ? 'cron' : 'rrule';
  if (field === 'cron' && rule.split(/\s+/).length !== 5)
    return `cron: "${rule}" is not accepted; give five fields, such as 0 7 * * 1`;
  if (field === 'rrule' && !isRrule(rule))
    return `rrule: "${rule}" is not accepted; give a rule with FREQ, such as FREQ=DAILY;BYHOUR=7`;
  if (!isTimeZone(timeZone))
    return `timeZone: "${timeZone}" is not accepted; give a name of the IANA database, such as Europe/Berlin`;
  try {
    nextTime(rule, timeZone, new Date());
  } catch (error) {
    return `${field}: "${rule}" is not accepted: ${error instanceof Error ? error.message : error}`;
  }
  return undefined;
}

/**
 * The first time after a moment; undefined if the rule has ended. When the clocks skip a time of day, cron runs an hour later and
 * iCalendar leaves it out (RFC 5545, 3.3.10). A time that they repeat counts once.
 */
export function nextTime(rule: string, timeZone: string, after: Date): Date | undefined {
  const first = (from: Date) => calendar.previewSchedule(rule, { tz: timeZone, from, count: 1 })[0];
  // Starting within a repeated hour would find the same time of day again.
  let time = first(new Date(after.getTime() - REPEATED_MS));
  while (time !== undefined && time <= after) time = first(time);
  return time;
}

/** The next times after a moment. There may be fewer if the rule ends. */
export function nextTimes(
  rule: string,
  timeZone: string,
  { after, count }: { after: Date; count: number },
): Date[] {
  const times: Date[] = [];
  for (let time = nextTime(rule, timeZone, after); time !== undefined && times.length < count; ) {
    times.push(time);
    time = nextTime(rule, timeZone, time);
  }
  return times;
}
