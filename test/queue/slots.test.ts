import { getEventListeners } from 'node:events';
import t from 'tap';
import { Slots } from '../../src/queue/slots.ts';

const { signal } = new AbortController();

t.test('slots go to whoever has waited longest, and to each as many as it takes', async (t) => {
  const slots = new Slots(2);
  t.equal(await slots.take(5, signal), 2, 'those that are free');
  const [first, second] = [slots.take(1, signal), slots.take(3, signal)];
  slots.release(1);
  t.equal(await first, 1);
  slots.release(5);
  t.equal(await second, 3);
  t.equal(await slots.take(9, signal), 2, 'the others stay free');
  const third = slots.take(9, signal);
  slots.release(0);
  t.equal(await Promise.race([third, 'waits']), 'waits');
});

t.test('whoever stops waiting gets none, and takes none from the others', async (t) => {
  const slots = new Slots(0);
  const stopping = new AbortController();
  const [before, stopped, after] = [
    slots.take(1, signal),
    slots.take(1, stopping.signal),
    slots.take(1, signal),
  ];
  stopping.abort();
  t.equal(await stopped, 0);
  t.equal(await slots.take(1, stopping.signal), 0, 'nor does it begin to wait again');
  slots.release(2);
  t.same(await Promise.all([before, after]), [1, 1]);
});

t.test('stopping after slots were taken takes nobody’s place', async (t) => {
  const slots = new Slots(1);
  const stopping = new AbortController();
  t.equal(await slots.take(1, stopping.signal), 1);
  t.equal(getEventListeners(stopping.signal, 'abort').length, 0);
  const next = slots.take(1, signal);
  stopping.abort();
  slots.release(1);
  t.equal(await next, 1);
});
