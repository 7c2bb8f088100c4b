import { setImmediate as tick } from 'node:timers/promises';
import t from 'tap';
import { Batcher } from '../../src/queue/batcher.ts';

/** A batcher whose writes end when the test lets them. */
function batcherOf() {
  const writes: { readonly items: readonly number[]; end(): void; fail(error: Error): void }[] = [];
  let begun = Promise.withResolvers<void>();
  const batcher = new Batcher<number>((items) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    writes.push({ items, end: resolve, fail: reject });
    begun.resolve();
    begun = Promise.withResolvers();
    return promise;
  });
  return { batcher, writes, nextWrite: () => begun.promise };
}

t.test('an item is written at once, and those added during a write share the next', async (t) => {
  const { batcher, writes, nextWrite } = batcherOf();
  const [first, begun] = [batcher.add(1), nextWrite()];
  await begun;
  const others = Promise.all([batcher.add(2), batcher.add(3)]);
  t.same(
    writes.map(({ items }) => items),
    [[1]],
    'one write at a time',
  );
  const again = nextWrite();
  writes[0]?.end();
  await first;
  await tick();
  const late = batcher.add(4);
  await again;
  t.same(writes[1]?.items, [2, 3, 4], 'and so do those shortly after it');
  writes[1]?.end();
  await Promise.all([others, late]);
});

t.test('a write has 500 items at most, and items beyond it go with the next', async (t) => {
  const { batcher, writes, nextWrite } = batcherOf();
  const all = Array.from({ length: 501 }, (_, n) => batcher.add(n));
  await nextWrite();
  t.same(writes[0]?.items.length, 500);
  const again = nextWrite();
  writes[0]?.end();
  await Promise.all(all.slice(0, 500));
  all.push(batcher.add(501));
  await again;
  t.same(writes[1]?.items, [500, 501]);
  writes[1]?.end();
  await Promise.all(all);
});

t.test('a failing write fails only its own items, and the next one succeeds', async (t) => {
  const { batcher, writes, nextWrite } = batcherOf();
  const [failed, begun] = [batcher.add(1), nextWrite()];
  await begun;
  const [next, again] = [batcher.add(2), nextWrite()];
  writes[0]?.fail(new Error('the database is away'));
  await t.rejects(failed, { message: 'the database is away' });
  await again;
  t.same(writes[1]?.items, [2]);
  writes[1]?.end();
  await next;
});
