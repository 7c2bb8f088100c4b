import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import { type Static, Type } from 'typebox';
import { Parse } from 'typebox/schema';
import type { Db, Schema } from '../database/schema.ts';
import { transact } from '../database/transaction.ts';
import { DomainError } from '../errors.ts';

/** A request that a client may repeat because it did not get the response. */
export interface RepeatableRequest {
  readonly userId: number;
  /** The client's key; undefined if the request has none. */
  readonly key: string | undefined;
  /** The parts that distinguish the request from others, such as its method, URL and body. */
  readonly content: readonly string[];
}

/** The part of a kept answer that every release has written. */
const KeptAnswer = Type.Object({ url: Type.String() });

type KeptAnswer = Static<typeof KeptAnswer>;

/** The answer to a request or, if it is a repetition, the first answer as it was kept. */
export type OnceResult<Answer> =
  | { readonly answer: Answer; readonly isRepetition: false }
  | { readonly answer: KeptAnswer; readonly isRepetition: true };

/**
 * Executes a request once, even if it is repeated within 24 hours. The change and its recorded answer are one
 * transaction; a concurrent repetition waits for it. Failures are not recorded.
 *
 * @param act gets a transaction, or the database itself if the request has no key
 * @throws DomainError `idempotency-key-reused` if the key was used for a different request
 */
export async function runOnce<Answer extends KeptAnswer>(
  db: Kysely<Schema>,
  { userId, key, content }: RepeatableRequest,
  act: (db: Db) => Promise<Answer>,
): Promise<OnceResult<Answer>> {
  if (key === undefined) return { answer: await act(db), isRepetition: false };
  return transact(db, async (trx) => {
    const request = { userId, key, fingerprint: fingerprint(content) };
    if (!(await claim(trx, request))) {
      return { answer: Parse(KeptAnswer, await findAnswer(trx, request)), isRepetition: true };
    }
    const answer = await act(trx);
    await trx
      .updateTable('idempotency_keys')
      .set({ answer: JSON.stringify(answer) })
      .where('user_id', '=', userId)
      .where('key', '=', key)
      .execute();
    return { answer, isRepetition: false };
  });
}

interface KeyedRequest {
  readonly userId: number;
  readonly key: string;
  readonly fingerprint: Buffer;
}

/** Claims the key, unless it was used in the last 24 hours. */
async function claim(trx: Transaction<Schema>, { userId, key, fingerprint }: KeyedRequest): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('idempotency_keys')
    .values({ user_id: userId, key, fingerprint })
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'key'])
        .doUpdateSet({ fingerprint, created_at: sql`now()` })
        .where('idempotency_keys.created_at', '<', sql<Date>`now() - interval '24 hours'`),
    )
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

async function findAnswer(
  trx: Transaction<Schema>,
  { userId, key, fingerprint }: KeyedRequest,
): Promise<unknown> {
  const first = await trx
    .selectFrom('idempotency_keys')
    .select(['fingerprint', 'answer'])
    .where('user_id', '=', userId)
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  if (!first.fingerprint.equals(fingerprint)) {
    throw new DomainError(
      'idempotency-key-reused',
      'This Idempotency-Key was already used for a different request.',
    );
  }
  return first.answer;
}

function fingerprint(content: readonly string[]): Buffer {
  return createHash('sha256').update(JSON.stringify(content)).digest();
}
