import { faker } from '@faker-js/faker';
import { type Kysely, sql } from 'kysely';
import type { Schema } from '../../src/database/schema.ts';

const SYLLABLES = 'ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi zo qua'.split(' ');

/** Different words in the made-up texts. */
const WORDS = 50_000;

/** Words of a text, the fewest and the most. */
const LENGTHS = { min: 20, max: 140 };

const AUTHORS = 10_000;
const CHUNK = 5_000;

/** A made-up word by its rank: that of rank 1 is the most frequent. No stemmer changes it, because of its last letter. */
export function wordOfRank(rank: number): string {
  let word = 'x';
  for (let rest = rank; rest > 0; rest = Math.floor(rest / SYLLABLES.length))
    word = `${SYLLABLES[rest % SYLLABLES.length]}${word}`;
  return word;
}

/**
 * Returns a function that makes up texts, whose words are as frequent as those of natural languages: in inverse proportion to
 * their rank (Zipf's law).
 *
 * @param seed the same seed gives the same texts
 */
export function makeWriter(seed: number): () => string {
  faker.seed(seed);
  const words = Array.from({ length: WORDS }, (_, index) => wordOfRank(index + 1));
  let total = 0;
  const shares = Float64Array.from(words, (_, index) => {
    total += 1 / (index + 1);
    return total;
  });
  const draw = () => {
    const point = faker.number.float() * total;
    let [low, high] = [0, WORDS - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((shares[middle] ?? 0) > point) high = middle;
      else low = middle + 1;
    }
    return words[low] ?? '';
  };
  return () => Array.from({ length: faker.number.int(LENGTHS) }, draw).join(' ');
}

/** Fills an empty database with posts of made-up words, a minute apart, and indexes them in bulk. */
export async function fillTexts(db: Kysely<Schema>, posts: number): Promise<void> {
  const { rows } = await sql`select from posts limit 1`.execute(db);
  if (rows.length > 0) return;
  const write = makeWriter(1);
  await sql`
    insert into users (email, username, password_hash, role, confirmed_at)
    select 'user' || n || '@example.com', 'user' || n, '', 'User', now() from generate_series(1, ${sql.lit(AUTHORS)}) as n
  `.execute(db);
  await sql`alter table posts disable trigger user`.execute(db);
  for (let done = 0; done < posts; done += CHUNK) {
    const texts = Array.from({ length: Math.min(CHUNK, posts - done) }, write);
    await sql`
      insert into posts (author_id, body, body_html, created_at)
      select 1 + (n * 7919) % ${sql.lit(AUTHORS)}, body, '<p>' || body || '</p>', now() - (${posts - done} - n) * interval '1 minute'
      from unnest(${texts}::text[]) with ordinality as text (body, n)
    `.execute(db);
  }
  await sql`alter table posts enable trigger user`.execute(db);
  await sql`drop index post_words_words_idx`.execute(db);
  await sql`insert into post_words select position, words_of(posts) from posts`.execute(db);
  await sql`create index post_words_words_idx on post_words using gin (words)`.execute(db);
  await sql`select recount()`.execute(db);
  await sql`vacuum (analyze) users, posts, post_words`.execute(db);
}
