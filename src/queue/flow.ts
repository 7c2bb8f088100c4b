import { fromKysely, type PgBoss } from 'pg-boss';
import { newJob, refuseFault, refuseKeys } from './new-job.ts';
import type { Origin } from './origin.ts';
import type { Step } from './step.ts';
import { KEEP_DEAD_SECONDS } from './synchronise.ts';
import type { Db } from './tables.ts';

/** Jobs of a flow at most. More belong in a batch. */
export const MOST_STEPS = 100;

/**
 * Enqueues these steps and all those that they come after.
 *
 * @param options.wake tells the workers of queues about new jobs
 * @returns the ids of these steps' jobs
 * @throws TypeError if a payload does not fit its contract, a queue has keys, no step comes after another, or there
 *   are more than `MOST_STEPS`; then none is enqueued
 */
export async function enqueueFlow(
  boss: PgBoss,
  steps: readonly Step[],
  { db, origin, wake }: { db: Db; origin: Origin; wake: (queues: readonly string[]) => Promise<void> },
): Promise<string[]> {
  const all = [...allOf(steps)];
  refuseSteps(all);
  const refs = new Map(all.map((each, index) => [each, String(index)]));
  const parents = new Set(all.flatMap(({ after }) => after));
  const refOf = (each: Step) => refs.get(each) ?? '';
  const ids = await boss.flow(
    all.map((each) => {
      const { data, ...options } = newJob(each.contract, each.payload, origin);
      return {
        ref: refOf(each),
        name: each.contract.name,
        data,
        dependsOn: each.after.map(refOf),
        options: {
          ...options,
          ...(each.startAfter !== undefined && { startAfter: each.startAfter }),
          // As long as a dead letter waits for an operator, so do its original and the jobs after it.
          ...(parents.has(each) && { deleteAfterSeconds: KEEP_DEAD_SECONDS }),
          ...(each.after.length > 0 && { retentionSeconds: KEEP_DEAD_SECONDS }),
        },
      };
    }),
    { db: fromKysely(db) },
  );
  await wake([...new Set(all.map(({ contract }) => contract.name))]);
  return steps.map((each) => ids[refOf(each)] ?? '');
}

/** The steps and those before them, each once. */
function allOf(steps: readonly Step[], found = new Set<Step>()): Set<Step> {
  for (const each of steps) {
    if (found.has(each)) continue;
    if (found.size > MOST_STEPS) break;
    found.add(each);
    allOf(each.after, found);
  }
  return found;
}

function refuseSteps(steps: readonly Step[]): void {
  if (steps.length > MOST_STEPS) throw new TypeError(`flow: has more than ${MOST_STEPS} jobs; use a batch`);
  if (steps.every(({ after }) => after.length === 0))
    throw new TypeError('flow: no job comes after another; use send or sendAll');
  for (const { contract, payload } of steps) {
    refuseFault(contract, payload);
    refuseKeys(contract, 'a flow');
  }
}
