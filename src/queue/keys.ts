import { randomUUID } from 'node:crypto';
import { fromKysely, type JobInsert, type PgBoss } from 'pg-boss';
import type { JobKey, QueueContract } from './contract.ts';
import { lockKeys, putLast } from './jobs-table.ts';
import type { Db } from './tables.ts';

/**
 * pg-boss's policy for each rule. `singleton` lets one job of a key run at a time, so that the newest payload is also the last
 * to be worked.
 */
const POLICIES = {
  'unique-while-waiting': 'short',
  'unique-until-done': 'exclusive',
  replace: 'singleton',
  debounce: 'singleton',
  'in-order': 'key_strict_fifo',
} as const satisfies Record<JobKey<never>['rule'], string>;

/** The policy of a contract's queue. */
export function policyOf({ key }: QueueContract): string {
  return key === undefined ? 'standard' : POLICIES[key.rule];
}

/** Whether a job with a key lets others with the key start when it ends. */
export function areWorkedInTurn({ key }: QueueContract): boolean {
  return key !== undefined && !key.rule.startsWith('unique');
}

/** Whether a job with a key makes older ones with the key needless. */
export function isNewestOnly({ key }: QueueContract): boolean {
  return key?.rule === 'replace' || key?.rule === 'debounce';
}

/**
 * Enqueues jobs as the rule of their keys says.
 *
 * @returns the ids of their jobs, without those that had no effect
 */
export async function enqueue(
  boss: PgBoss,
  contract: QueueContract,
  jobs: readonly JobInsert[],
  { db }: { db: Db },
): Promise<string[]> {
  if (isNewestOnly(contract)) return upsert(boss, contract, jobs, db);
  if (contract.key?.rule === 'in-order') return append(boss, contract.name, jobs, db);
  return (await boss.insert(contract.name, [...jobs], { db: fromKysely(db), returnId: true })) ?? [];
}

/** In the order of their keys, so that transactions that send the same ones do not deadlock. */
async function upsert(
  boss: PgBoss,
  { name, key }: QueueContract,
  jobs: readonly JobInsert[],
  db: Db,
): Promise<string[]> {
  const seconds = key?.rule === 'debounce' ? key.seconds : undefined;
  const ids = new Set<string>();
  for (const { data, startAfter = seconds, ...job } of jobs.toSorted(byKey)) {
    const options = { ...job, ...(startAfter !== undefined && { startAfter }), db: fromKysely(db) };
    for (const id of (await boss.upsert(name, data, options)).jobs) ids.add(id);
  }
  return [...ids];
}

function byKey({ singletonKey: one = '' }: JobInsert, { singletonKey: other = '' }: JobInsert): number {
  return one < other ? -1 : Number(one > other);
}

/** pg-boss orders by the start of the transaction. The order must be that of the commits. */
async function append(boss: PgBoss, name: string, jobs: readonly JobInsert[], db: Db): Promise<string[]> {
  if (!db.isTransaction) return db.transaction().execute((trx) => append(boss, name, jobs, trx));
  const named = jobs.map((job) => ({ ...job, id: randomUUID() }));
  const ids = named.map(({ id }) => id);
  const keys = jobs.map(({ singletonKey = '' }) => singletonKey);
  await lockKeys(db, name, keys);
  await boss.insert(name, named, { db: fromKysely(db) });
  await putLast(db, name, { ids, keys });
  return ids;
}
