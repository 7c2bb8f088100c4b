/**
 * Measures how well two samples can be told apart: the area under the receiver operating characteristic, which is the
 * probability that a value of one sample is larger than a value of the other, in the more likely direction.
 *
 * @returns from 0.5, if they cannot be told apart at all, to 1
 */
export function areaUnderCurve(some: readonly number[], others: readonly number[]): number {
  let above = 0;
  for (const one of some) {
    for (const other of others) above += one > other ? 1 : one === other ? 0.5 : 0;
  }
  const area = above / (some.length * others.length);
  return Math.max(area, 1 - area);
}

/** The standard error of that area for two samples that do not differ (Mann and Whitney, 1947). */
export function standardError(some: number, others: number): number {
  return Math.sqrt((some + others + 1) / (12 * some * others));
}
