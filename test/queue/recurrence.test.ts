import t from 'tap';
import { describeRule } from '../../src/queue/describe-rule.ts';
import { nextTime, nextTimes } from '../../src/queue/recurrence.ts';

/** The times from one moment to another, as a worker finds them that looks some minutes after each. */
function timesBetween(
  rule: string,
  zone: string,
  [from, until]: [string, string],
  lateMinutes = 0,
): string[] {
  const times: string[] = [];
  const late = lateMinutes * 60_000;
  let time = nextTime(rule, zone, new Date(from));
  while (time !== undefined && time < new Date(until)) {
    times.push(time.toISOString().slice(5, 16));
    time = nextTime(rule, zone, new Date(time.getTime() + late));
  }
  return times;
}

const SPRING: [string, string] = ['2027-03-27T12:00Z', '2027-03-29T12:00Z'];
const AUTUMN: [string, string] = ['2027-10-30T12:00Z', '2027-11-01T12:00Z'];

t.test('a time of day is that of the zone, before and after the clocks change', async (t) => {
  const morning = (range: [string, string]) => timesBetween('0 7 * * *', 'Europe/Berlin', range);
  t.same(morning(SPRING), ['03-28T05:00', '03-29T05:00']);
  t.same(morning(AUTUMN), ['10-31T06:00', '11-01T06:00']);
  t.same(timesBetween('0 7 * * 1', 'Asia/Kathmandu', SPRING), ['03-29T01:15']);
});

t.test('a time that the clocks skip is an hour later, and one that they repeat comes once', async (t) => {
  for (const late of [0, 1, 40, 90]) {
    const nightly = (range: [string, string]) => timesBetween('30 2 * * *', 'Europe/Berlin', range, late);
    t.same(nightly(SPRING), ['03-28T01:30', '03-29T00:30'], `${late} minutes late`);
    t.same(nightly(AUTUMN), ['10-31T00:30', '11-01T01:30'], `${late} minutes late`);
  }
  const american: [string, string] = ['2027-11-07T00:00Z', '2027-11-08T12:00Z'];
  t.same(timesBetween('0 1 * * *', 'America/New_York', american, 40), ['11-07T05:00', '11-08T06:00']);
});

t.test('a recurrence through the night continues while the clocks change', async (t) => {
  const night = (day: string): [string, string] => [`${day}T00:10Z`, `${day}T02:10Z`];
  const expected = (day: string) => ['00:30', '01:00', '01:30', '02:00'].map((time) => `${day}T${time}`);
  for (const day of ['03-28', '10-31']) {
    t.same(timesBetween('*/30 * * * *', 'Europe/Berlin', night(`2027-${day}`)), expected(day));
  }
});

t.test('an iCalendar rule leaves out a time that the clocks skip, and may end', async (t) => {
  const rule = 'FREQ=DAILY;BYHOUR=2;BYMINUTE=30';
  t.same(timesBetween(rule, 'Europe/Berlin', SPRING), ['03-29T00:30']);
  t.same(timesBetween(rule, 'Europe/Berlin', AUTUMN, 40), ['10-31T00:30', '11-01T01:30']);
  const twice = 'DTSTART:20270101T070000\nRRULE:FREQ=DAILY;COUNT=2';
  const after = new Date('2026-12-31T00:00Z');
  t.same(nextTimes(twice, 'UTC', { after, count: 3 }), [
    new Date('2027-01-01T07:00Z'),
    new Date('2027-01-02T07:00Z'),
  ]);
  t.equal(nextTime(twice, 'UTC', new Date('2027-01-02T07:00Z')), undefined);
  t.equal(nextTimes('0 7 * * *', 'UTC', { after, count: 3 }).length, 3);
});

t.test('rules are described in words', async (t) => {
  t.equal(describeRule('0 7 * * 1'), 'At 07:00, only on Monday');
  t.equal(
    describeRule('FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=30'),
    'Every month on last Friday at 5:30 PM',
  );
  t.equal(describeRule('DTSTART:20270101T070000\nRRULE:FREQ=DAILY;COUNT=2'), 'Every day at 7 AM for 2 times');
});
