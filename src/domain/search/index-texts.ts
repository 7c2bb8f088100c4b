import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';
import type { Progress } from '../../queue/index.ts';
import { wordsOf } from './candidates.ts';

/** Texts per transaction, to hold locks only briefly. */
const BATCH_SIZE = 200;

/**
 * Indexes the words of all texts again, after a change of the site's language. Each batch locks its texts, to not
 * replace the words of a concurrent edit.
 *
 * @param options.signal stops between two batches
 * @param options.progress is told how many texts are indexed, and about how many there are
 */
export async function indexTexts(
  db: Kysely<Schema>,
  { signal, progress }: { signal: AbortSignal; progress?: Progress },
): Promise<void> {
  const total = await estimateTexts(db);
  let done = 0;
  for (const kind of ['posts', 'comments'] as const) {
    const { table, key, textKey } = wordsOf(kind);
    const texts = sql.table(kind);
    let last: string | null = '0';
    while (last !== null) {
      signal.throwIfAborted();
      const after: string = last;
      last = await transact(db, async (trx) => {
        const { rows } = await sql<{ last: string | null }>`
          with batch as (
            select ${textKey} as key, words_of(${texts}) as words from ${texts} where ${textKey} > ${after}::bigint
            order by ${textKey} limit ${sql.lit(BATCH_SIZE)} for share
          ), indexed as (
            insert into ${table} select key, words from batch
            on conflict (${key}) do update set words = excluded.words
          )
          select max(key)::text as last from batch
        `.execute(trx);
        return rows[0]?.last ?? null;
      });
      done += BATCH_SIZE;
      progress?.(Math.min(done, total), total, kind);
    }
  }
}

/** PostgreSQL's own estimate, which costs nothing. */
async function estimateTexts(db: Kysely<Schema>): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select sum(greatest(reltuples, 0))::int as total from pg_class where oid in ('posts'::regclass, 'comments'::regclass)
  `.execute(db);
  return rows[0]?.total ?? 0;
}
