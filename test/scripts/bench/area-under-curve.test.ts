import t from 'tap';
import { areaUnderCurve, standardError } from '../../../scripts/bench/area-under-curve.ts';

t.test('the area depends on how well two samples are separated, in either direction', async (t) => {
  t.equal(areaUnderCurve([1, 2, 3], [4, 5, 6]), 1);
  t.equal(areaUnderCurve([4, 5, 6], [1, 2, 3]), 1);
  t.equal(areaUnderCurve([1, 2, 3], [1, 2, 3]), 0.5, 'equal values cannot be told apart');
  t.equal(areaUnderCurve([1, 4], [2, 3]), 0.5);
  t.equal(areaUnderCurve([1, 2, 4], [3, 5, 6]), 8 / 9);
});

t.test('the standard error decreases with the size of the samples', async (t) => {
  t.equal(standardError(400, 400).toFixed(4), '0.0204');
});
