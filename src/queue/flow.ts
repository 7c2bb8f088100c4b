import { fromKysely, type PgBoss } from 'pg-boss';
import { KEEP_DEAD_SECONDS } from './dead-letters.ts';
import { assertKeyless, assertPayload, newJob } from './new-job.ts';
import type { Origin } from './origin.ts';
import type { Step } from './step.ts';
import type { Db } from './tables.ts';

/** The most jobs in a flow. More belong in a batch. */
export const MAX_STEPS = 100;

/**
 * Enqueues these steps and all steps before them.
 *
 * @param options.wake tells the queues' workers about new jobs
 * @returns the ids of these steps' jobs
 * @throws TypeError if a payload does not fit its contract, a queue has keys, no step comes after another, or there
 *   are more than `MAX_STEPS`; then no job is enqueued
 */
export async function enqueueFlow(
  boss: PgBoss,
  steps: readonly Step[],
  { db, origin, wake }: { db: Db; origin: Origin; wake: (queues: readonly string[]) => Promise<void> },
): Promise<string[]> {
  const all = [...allOf(steps)];
  assertSteps(all);
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
          // The original of a dead letter, and the jobs after it, are kept as long as the dead letter.
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

/** The steps and all steps before them, each once. */
function allOf(steps: readonly Step[], found = new Set<Step>()): Set<Step> {
  for (const each of steps) {
    if (found.has(each)) continue;
    if (found.size > MAX_STEPS) break;
    found.add(each);
    allOf(each.after, found);
  }
  return found;
}

function assertSteps(steps: readonly Step[]): void {
  if (steps.length > MAX_STEPS) throw new TypeError(`flow: has more than ${MAX_STEPS} jobs; use a batch`);
  if (steps.every(({ after }) => after.length === 0))
    throw new TypeError('flow: no job comes after another; use send or sendAll');
  for (const { contract, payload } of steps) {
    assertPayload(contract, payload);
    assertKeyless(contract, 'a flow');
  }
}
