import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Gate } from '../../src/database/gate.ts';
import { OutOfTime } from '../../src/database/unavailable.ts';

const PAGE = { isVital: false, hasBegun: false, waitMs: 10_000 };
const BEGUN = { ...PAGE, hasBegun: true };
const VITAL = { ...PAGE, isVital: true };
const URGENT = { ...VITAL, hasBegun: true, isUrgent: true };

/** A gate of four connections whose ordinary three are taken. */
async function busyGate(): Promise<Gate> {
  const gate = new Gate(4);
  for (let page = 0; page < 3; page += 1) await gate.enter(PAGE);
  return gate;
}

t.test(
  'a quarter of the connections is reserved for vital requests, and only urgent ones go before them',
  async (t) => {
    const gate = await busyGate();
    await gate.enter(VITAL);
    const order: string[] = [];
    for (const [name, caller] of Object.entries({ page: PAGE, begun: BEGUN, vital: VITAL, urgent: URGENT }))
      void gate.enter(caller).then(() => order.push(name));
    for (let turn = 0; turn < 5; turn += 1) {
      gate.leave();
      await sleep(0);
    }
    t.same(order, ['urgent', 'vital', 'begun', 'page'], 'and what has begun is finished first');
  },
);

t.test('no more than a thousand requests wait, and none for long', async (t) => {
  const gate = await busyGate();
  await t.rejects(gate.enter({ ...PAGE, waitMs: 10 }), { code: 'busy' });
  await t.rejects(gate.enter({ ...BEGUN, waitMs: 10 }), OutOfTime);
  const waiting = Array.from({ length: 1_001 }, () => gate.enter(PAGE));
  await t.rejects(waiting.at(-1) ?? Promise.resolve(), { code: 'busy' }, 'at once');
  const startedAt = performance.now();
  const ends = await Promise.allSettled(waiting);
  t.ok(ends.every(({ status }) => status === 'rejected'));
  t.ok(performance.now() - startedAt < 5_000);
  gate.leave();
  await t.resolves(gate.enter(PAGE), 'who has given up does not get a turn');
});
