import t from 'tap';
import { type TObject, type TUnion, Type } from 'typebox';
import { DATABASE_ONLY, defineQueue, type Schedule } from '../../src/queue/contract.ts';

const define = (...schedules: Schedule<{ n: number }>[]) =>
  defineQueue({
    name: 'ticks',
    payload: Type.Object({ n: Type.Integer() }),
    retry: DATABASE_ONLY,
    timeoutSeconds: 60,
    schedules,
  });

const daily = { name: 'daily', cron: '0 7 * * *', payload: { n: 1 } };

t.test('a schedule that cannot be followed is refused when its contract is defined', async (t) => {
  for (const [schedule, message] of [
    [
      { ...daily, cron: '0 7 * *' },
      'schedule "daily" of ticks: cron: "0 7 * *" is not accepted; give five fields, such as 0 7 * * 1',
    ],
    [
      { ...daily, cron: '61 7 * * *' },
      /^schedule "daily" of ticks: cron: "61 7 \* \* \*" is not accepted: .* 61 /,
    ],
    [{ ...daily, cron: '0 0 31 2 *' }, /cron: "0 0 31 2 \*" is not accepted: /],
    [
      { name: 'daily', rrule: 'BYHOUR=7', payload: { n: 1 } },
      /rrule: "BYHOUR=7" is not accepted; give a rule with FREQ/,
    ],
    [{ name: 'daily', rrule: 'FREQ=DAILY;BYHOUR=25', payload: { n: 1 } }, /rrule: .* "BYHOUR=25"$/],
    [
      { ...daily, timeZone: 'Europe/Berln' },
      /timeZone: "Europe\/Berln" is not accepted; give a name of the IANA/,
    ],
    [{ ...daily, timeZone: '+02:00' }, /timeZone: "\+02:00" is not accepted/],
    [{ ...daily, name: 'Every day' }, /name: give lower-case words/],
    [{ ...daily, payload: { n: 1.5 } }, 'schedule "daily" of ticks: /n must be integer'],
  ] as const) {
    t.throws(() => define(schedule), { name: 'TypeError', message }, JSON.stringify(schedule));
  }
  t.throws(() => define(daily, daily), { message: /name: another schedule of this queue has it/ });
  t.doesNotThrow(() => define(daily, { ...daily, name: 'daily-in-nepal', timeZone: 'Asia/Kathmandu' }));
});

t.test('a payload cannot have a field that the queue stores beside it', async (t) => {
  const define = (payload: TObject | TUnion<TObject[]>) =>
    defineQueue({ name: 'ticks', payload, retry: DATABASE_ONLY, timeoutSeconds: 60 });
  for (const field of ['requestId', 'traceparent', 'batchId']) {
    const taken = Type.Object({ [field]: Type.String() });
    const message = new RegExp(`^payload of ticks: ${field}: `);
    for (const payload of [taken, Type.Union([Type.Object({}), taken])])
      t.throws(() => define(payload), { name: 'TypeError', message });
  }
});
