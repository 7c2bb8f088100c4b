import cronstrue from 'cronstrue';
import { toText } from 'rrule-temporal/totext';
import { isRrule } from './recurrence.ts';

/** The beginning that pg-boss gives to a rule of iCalendar without one, and that its words do not depend on. */
const BEGINNING = 'DTSTART:19700101T000000';

/** Says in English when a rule is due, such as `At 07:00, only on Monday`. */
export function wordsOf(rule: string): string {
  if (!isRrule(rule)) return cronstrue.toString(rule, { use24HourTimeFormat: true });
  const lines = /^RRULE:/im.test(rule) ? rule : `RRULE:${rule}`;
  const dated = /^DTSTART/im.test(lines) ? lines : `${BEGINNING}\n${lines}`;
  const words = toText(dated, 'en', { excludeTzAbbreviation: true });
  return words.charAt(0).toUpperCase() + words.slice(1);
}
