import { randomUUID } from 'node:crypto';
import { fromKysely, type JobInsert, type PgBoss } from 'pg-boss';
import type { JobKey, QueueContract } from './contract.ts';
import { lockKeys, putLast } from './jobs-table.ts';
import type { Db } from './tables.ts';

/**
 * pg-boss's policy for each rule. `singleton` runs one job of a key at a time, so the newest payload also runs last.
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

/** Whether the end of a job can let another with the same key start. */
export function areWorkedInTurn({ key }: QueueContract): boolean {
  return key !== undefined && !key.rule.startsWith('unique');
}

/** Whether a job makes older ones with the same key unnecessary. */
export function isNewestOnly({ key }: QueueContract): boolean {
  return key?.rule === 'replace' || key?.rule === 'debounce';
}

/**
 * Enqueues jobs according to the rule of their keys.
 *
 * @returns the ids of the new or changed jobs
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

/** Works in the order of keys, so that transactions that send the same keys do not deadlock. */
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

/** Enqueues in the order of commits. pg-boss alone would order by the transactions' starts. */
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
