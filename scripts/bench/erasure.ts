import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Schema } from '../../src/database/schema.ts';
import { eraseAccount } from '../../src/domain/accounts/erase.ts';
import { Helper } from './helper.ts';
import { type Bench, percentile, type Row } from './table.ts';

/** What the erased person has written, and others' comments on it. */
const WRITTEN = {
  small: { posts: 10_000, comments: 100_000 },
  large: { posts: 100_000, comments: 1_000_000 },
};

const COMMENTERS = 1_000;

/** How long lists are requested before, for comparison. */
const BEFORE_MS = 5_000;
const BETWEEN_REQUESTS_MS = 20;

/** So many pages in turn that each has left the cache before it is requested again. */
const PAGES = 200;
const POSTS_PER_PAGE = 20;

/** Erases an account with its posts and everyone's comments on them, and compares requests meanwhile with those before. */
export async function benchErasure({ databaseUrl, scale }: Bench): Promise<Row[]> {
  const url = await databaseUrl(`erasure_${scale}`);
  const pool = new pg.Pool({ connectionString: url });
  let longestMs = 0;
  await using db = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool }),
    log({ queryDurationMillis }) {
      longestMs = Math.max(longestMs, queryDurationMillis);
    },
  });
  await fill(db, WRITTEN[scale]);
  await using web = await Helper.start('web', { DATABASE_URL: url, LOG_LEVEL: 'error', RATE_LIMITS: 'off' });
  const site = String(await web.ask('url'));
  const before = await requestPosts(site, sleep(BEFORE_MS));
  longestMs = 0;
  const startedAt = performance.now();
  const erasing = eraseAccount(db, 1, { signal: new AbortController().signal });
  const meanwhile = await requestPosts(site, erasing);
  await erasing;
  const seconds = (performance.now() - startedAt) / 1000;
  const { posts, comments } = WRITTEN[scale];
  return [
    {
      what: `erasing ${posts.toLocaleString('en')} posts with ${comments.toLocaleString('en')} comments`,
      value: seconds,
      unit: 's',
    },
    { what: 'the longest statement', value: longestMs, unit: 'ms' },
    {
      what: 'a list of posts, requested meanwhile',
      value: percentile(meanwhile, 0.5),
      unit: 'ms',
      p99: percentile(meanwhile, 0.99),
      reference: { what: 'before', value: percentile(before, 0.5) },
    },
    { what: 'the slowest of these', value: Math.max(...meanwhile), unit: 'ms' },
  ];
}

/** Requests the lists of the newest posts until the work is done. Returns how long each took, in milliseconds. */
async function requestPosts(site: string, work: Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) {
    const startedAt = performance.now();
    const response = await fetch(`${site}/?page=${1 + (times.length % PAGES)}`);
    await response.text();
    if (!response.ok) throw new Error(`${response.url} responded with ${response.status}`);
    times.push(performance.now() - startedAt);
    await sleep(BETWEEN_REQUESTS_MS);
  }
  await done;
  return times;
}

/** Adds the person to erase, with the id 1, others who comment, and the newest posts by one of them. */
async function fill(db: Kysely<Schema>, { posts, comments }: (typeof WRITTEN)['small']): Promise<void> {
  await sql`
    insert into users (email, username, password_hash, role, confirmed_at)
    select 'person' || n || '@example.com', 'person' || n, 'none', 'User', now()
    from generate_series(1, ${COMMENTERS + 1}::int) as n
  `.execute(db);
  await sql`update users set deletion_due_at = now() where id = 1`.execute(db);
  await sql`
    insert into posts (author_id, body, body_html)
    select case when n <= ${posts} then 1 else 2 end, 'Post ' || n, '<p>Post ' || n || '</p>'
    from generate_series(1, ${posts + PAGES * POSTS_PER_PAGE}::int) as n
  `.execute(db);
  await sql`
    insert into comments (post_id, author_id, body, body_html)
    select 1 + n % ${posts}::int, 2 + n % ${COMMENTERS}::int, 'Comment ' || n, '<p>Comment ' || n || '</p>'
    from generate_series(1, ${comments}::int) as n
  `.execute(db);
  await sql`
    insert into notifications (recipient_id, kind, cause, actor_id, post_id, comment_id)
    select 1, 'comment', 'comment ' || id, author_id, post_id, id from comments where id % 10 = 0
  `.execute(db);
  await sql`analyze`.execute(db);
}
