import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../database/schema.ts';
import { transact } from '../../database/transaction.ts';

/** Texts per transaction, so that none holds its locks for long. */
const BATCH = 200;

/**
 * Indexes the words of all texts again, after a change of the site's language. Each batch locks its texts, so that the words of
 * an edit are not replaced by older ones.
 *
 * @param options.signal stops between two batches
 */
export async function indexTexts(db: Kysely<Schema>, { signal }: { signal: AbortSignal }): Promise<void> {
  for (const noun of ['post', 'comment']) {
    const [texts, words, textId] = [`${noun}s`, `${noun}_words`, `${noun}_id`].map((name) => sql.table(name));
    let last: number | null = 0;
    while (last !== null) {
      signal.throwIfAborted();
      const after: number = last;
      last = await transact(db, async (trx) => {
        const { rows } = await sql<{ last: number | null }>`
          with batch as (
            select id, words_of(${texts}) as words from ${texts} where id > ${after}
            order by id limit ${sql.lit(BATCH)} for share
          ), indexed as (
            insert into ${words} select id, words from batch
            on conflict (${textId}) do update set words = excluded.words
          )
          select max(id) as last from batch
        `.execute(trx);
        return rows[0]?.last ?? null;
      });
    }
  }
}
