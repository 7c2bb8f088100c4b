import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import { buildApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config.ts';
import { search } from '../../src/domain/search/search.ts';
import { type Bench, percentile, type Row } from './table.ts';
import { fillTexts, makeWriter, wordOfRank } from './texts.ts';

const POSTS = { small: 20_000, large: 1_000_000 };

/** Searches of a kind, each for other words. */
const SEARCHES = 100;

/** Searches of some kinds that rank every match, for comparison. */
const REFERENCES = 3;

const PUBLISHED = 300;

const w = wordOfRank;

/** The share of posts that have the word of a rank, in a text of 80 words, is about 1 - (1 - 1 / (11 * rank)) ** 80. */
const KINDS: Readonly<Record<string, (number: number) => string>> = {
  'a rare word (0.02 % of posts)': (number) => w(30_000 + number * 41),
  'an uncommon word (0.2 %)': (number) => w(3_000 + number * 7),
  'an ordinary word (0.6 to 1.2 %)': (number) => w(600 + number * 3),
  'a frequent word (2 to 5 %)': (number) => w(150 + number),
  'a common word (20 %)': (number) => w(28 + (number % 10)),
  'a word in almost every post': (number) => w(1 + (number % 3)),
  'two ordinary words': (number) => `${w(300 + number)} ${w(500 + number)}`,
  'one of two ordinary words': (number) => `${w(600 + number)} OR ${w(900 + number)}`,
  'a phrase of ordinary words': (number) => `"${w(300 + number)} ${w(500 + number)}"`,
  'a phrase of common words': (number) => `"${w(20 + (number % 20))} ${w(50 + number)}"`,
  'a common word without another': (number) => `${w(60 + number)} -${w(1)}`,
  'only a word to leave out': (number) => `-${w(1 + (number % 3))}`,
  'an ordinary word, by one author': (number) => `${w(600 + number * 3)} from:user${10 * number + 5}`,
  'an ordinary word, before a day': (number) => `${w(600 + number * 3)} before:${dayBefore(number)}`,
  'a common word, before a day': (number) => `${w(28 + (number % 10))} before:${dayBefore(number)}`,
};

/** Kinds that are compared. Others would take minutes, or need other indexes. */
const COMPARED = /^an? (?:rare|uncommon|ordinary|frequent|common) word \(/;

/** Compares searching with ranking every match, and publishing with publishing what is not indexed. */
export async function benchSearch({ databaseUrl, scale }: Bench): Promise<Row[]> {
  const app = buildApp(
    loadConfig({ DATABASE_URL: await databaseUrl(`search_${scale}`), LOG_LEVEL: 'error' }),
    {
      role: 'command',
    },
  );
  await app.ready();
  try {
    await fillTexts(app.db, POSTS[scale]);
    const rows: Row[] = [];
    for (const [what, textOf] of Object.entries(KINDS)) rows.push(await measure(app, what, textOf));
    return [...rows, ...(await publish(app))];
  } finally {
    await app.close();
  }
}

async function measure(
  { db }: FastifyInstance,
  what: string,
  textOf: (number: number) => string,
): Promise<Row> {
  const times: number[] = [];
  for (let number = 0; number < SEARCHES; number += 1) {
    times.push(
      await timed(async () => {
        const page = { number: 1, size: 20 };
        const result = await search(db, { text: textOf(number), kind: 'posts', readerId: undefined, page });
        if ('fault' in result) throw new Error(result.fault);
      }),
    );
  }
  const references: number[] = [];
  for (let number = 0; number < REFERENCES && COMPARED.test(what); number += 1)
    references.push(await timed(() => rankEveryMatch(db, textOf(number))));
  return {
    what,
    value: percentile(times, 0.5),
    unit: 'ms',
    p99: percentile(times, 0.99),
    ...(references.length > 0 && {
      reference: { what: 'ranking every match', value: percentile(references, 0.5) },
    }),
  };
}

async function rankEveryMatch(db: FastifyInstance['db'], text: string): Promise<void> {
  await sql`
    select id from post_words join posts using (position),
      websearch_to_tsquery(search_config(), ${text}) as query
    where words @@ query and is_listed
    order by ts_rank(words, query) desc, id desc limit 20
  `.execute(db);
}

async function publish({ db }: FastifyInstance): Promise<Row[]> {
  const write = makeWriter(2);
  const insert = async () => {
    const times: number[] = [];
    for (let number = 0; number < PUBLISHED; number += 1) {
      const body = write();
      const post = { author_id: 1, body, body_html: `<p>${body}</p>` };
      times.push(await timed(() => db.insertInto('posts').values(post).execute()));
    }
    return times;
  };
  const indexed = await insert();
  await sql`alter table posts disable trigger posts_indexed`.execute(db);
  const bare = await insert();
  await sql`alter table posts enable trigger posts_indexed`.execute(db);
  return [
    {
      what: 'publishing a post',
      value: percentile(indexed, 0.5),
      unit: 'ms',
      p99: percentile(indexed, 0.99),
      reference: { what: 'without indexing it', value: percentile(bare, 0.5) },
    },
  ];
}

/** Runs something and returns how long it took, in milliseconds. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await run();
  return performance.now() - startedAt;
}

/** A day in the last year. */
function dayBefore(number: number): string {
  return new Date(Date.now() - (number + 100) * 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
}
