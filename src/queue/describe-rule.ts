import cronstrue from 'cronstrue';
import { toText } from 'rrule-temporal/totext';
import { isRrule } from './recurrence.ts';

/** pg-boss's default start of an iCalendar rule. The description does not depend on it. */
const BEGINNING = 'DTSTART:19700101T000000';

/** Describes a recurrence rule in English, as in `At 07:00, only on Monday`. */
export function describeRule(rule: string): string {
  if (!isRrule(rule)) return cronstrue.toString(rule, { use24HourTimeFormat: true });
  const lines = /^RRULE:/im.test(rule) ? rule : `RRULE:${rule}`;
  const dated = /^DTSTART/im.test(lines) ? lines : `${BEGINNING}\n${lines}`;
  const words = toText(dated, 'en', { excludeTzAbbreviation: true });
  return words.charAt(0).toUpperCase() + words.slice(1);
}
