import { sql } from 'kysely';
import type { Db } from '../../database/schema.ts';
import { isMutedBy } from '../blocks/hide.ts';
import { IS_FINDABLE, PUBLIC_COLUMNS, type PublicPerson } from '../people/directory.ts';
import type { FoundPage, PageOfFound } from './find-texts.ts';

/** The most people that are sorted. */
const MAX_ORDERED = 500;

/** The most words that are looked up: the longest. For each, PostgreSQL reads all names that begin with it. */
const MAX_WORDS = 5;

/** The same as in the database function `name_words`. */
const PUNCTUATION = sql.lit('[!-/:-@[-`{-~’]+');

/**
 * Finds people by prefixes of the words in their username or name, up to five. A person with exactly this username comes
 * first, then those with the most followers. Leaves out people who are suspended, about to be erased, or muted or blocked by
 * the reader.
 */
export async function findPeople(
  db: Db,
  text: string,
  readerId: number | undefined,
  { number, size }: PageOfFound,
): Promise<FoundPage<PublicPerson>> {
  const prefixes = sql`(
    select to_tsquery('simple', string_agg('''' || word || ''':*', ' & ')) from (
      select word from regexp_split_to_table(regexp_replace(without_accents(${text}), ${PUNCTUATION}, ' ', 'g'), '\\s+') as word
      where word <> '' group by word order by length(word) desc limit ${sql.lit(MAX_WORDS)}
    ) as longest
  )`;
  const matches = sql<{ id: number }>`(
    select id from users
    where name_words(username, name) @@ ${prefixes} and ${IS_FINDABLE} and not ${isMutedBy(readerId, 'users.id')}
    limit ${sql.lit(MAX_ORDERED + 1)}
  )`;
  const rows = await db
    .selectFrom(matches.as('match'))
    .innerJoin('users', 'users.id', 'match.id')
    .select(PUBLIC_COLUMNS)
    .select(({ fn }) => fn.countAll<string>().over().as('total'))
    .orderBy(sql`lower(users.username) = ${text.replace(/^@/, '').toLowerCase()}`, 'desc')
    .orderBy('users.follower_count', 'desc')
    .orderBy('users.id')
    .limit(size)
    .offset((number - 1) * size)
    .execute();
  const found = Number(rows[0]?.total ?? 0);
  return {
    items: rows.map(({ total: _total, ...person }) => person),
    total: Math.min(found, MAX_ORDERED),
    isPartial: found > MAX_ORDERED,
  };
}
