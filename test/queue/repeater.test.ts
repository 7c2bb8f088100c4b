import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { Repeater } from '../../src/queue/repeater.ts';
import { waitFor } from '../support/wait-for.ts';

t.test('work is repeated, never twice at once, and `stop` waits for its end', async (t) => {
  let starts = 0;
  let running = 0;
  let most = 0;
  let current = Promise.withResolvers<void>();
  const work = async () => {
    starts += 1;
    running += 1;
    most = Math.max(most, running);
    await current.promise;
    running -= 1;
  };
  const repeater = new Repeater(work, { everyMs: 5, onFailure: (error) => t.fail(String(error)) });
  await waitFor(() => starts === 1, 'it has started');
  repeater.runNow();
  await sleep(30);
  t.equal(starts, 1, 'the first has not ended');
  current.resolve();
  current = Promise.withResolvers();
  await waitFor(() => starts === 2, 'it has started again');

  const stopped = repeater.stop();
  t.equal(await Promise.race([stopped, sleep(20, 'waits')]), 'waits');
  current.resolve();
  await stopped;
  t.match({ running, most }, { running: 0, most: 1 });
  await sleep(20);
  t.equal(starts, 2, 'no more runs');
});

t.test('a failure is reported, and the work is repeated', async (t) => {
  const failures: unknown[] = [];
  const failure = new Error('as intended');
  const repeater = new Repeater(() => Promise.reject(failure), {
    everyMs: 5,
    onFailure: (error) => failures.push(error),
  });
  await waitFor(() => failures.length > 1, 'it has failed twice');
  await repeater.stop();
  t.equal(failures[0], failure);
});
