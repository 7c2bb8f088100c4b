import t from 'tap';
import type { Sample, TableSize } from '../../../scripts/soak/sample.ts';
import { judge } from '../../../scripts/soak/verdict.ts';

const MB = 2 ** 20;

/** Half an hour of samples. The functions get the minute. */
function run(memory: (minute: number) => number, table: (minute: number) => Partial<TableSize>): Sample[] {
  return Array.from({ length: 180 }, (_, index) => ({
    at: index * 10,
    values: { 'web, resident memory, MB': memory(index / 6) },
    tables: { posts: { size: 0, rows: 0, dead: 0, ...table(index / 6) } },
  }));
}

const verdictsOf = (samples: Sample[]) => judge(samples).map(({ verdict }) => verdict);

t.test('what rises only during the warm-up is flat', async (t) => {
  const memory = (minute: number) => Math.min(200, 100 + 10 * minute) + (minute % 1);
  t.same(verdictsOf(run(memory, () => ({ size: 10 * MB, rows: 1_000 }))), ['flat', 'flat']);
});

t.test('a leak is found', async (t) => {
  const memory = (minute: number) => 200 + 3 * minute;
  t.same(verdictsOf(run(memory, () => ({ size: 10 * MB }))), ['GROWS', 'flat']);
});

t.test('a table may grow with its rows, but not without them', async (t) => {
  const size = (minute: number) => (10 + minute) * MB;
  const memory = () => 200;
  t.same(verdictsOf(run(memory, (minute) => ({ size: size(minute), rows: 1_000 + 100 * minute }))), [
    'flat',
    'like its rows',
  ]);
  t.same(verdictsOf(run(memory, (minute) => ({ size: size(minute), rows: 1_000 }))), ['flat', 'GROWS']);
});
