import { faker } from '@faker-js/faker';
import { hash } from '@node-rs/argon2';
import { SingleBar } from 'cli-progress';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Db, Schema } from '../../src/database/schema.ts';
import { render } from '../../src/domain/markdown/render.ts';
import { RENDERER } from '../../src/domain/markdown/text.ts';
import { seedAnswers } from './seed-answers.ts';
import { makePost } from './seed-post.ts';

export interface Amounts {
  readonly users: number;
  readonly posts: number;
  readonly comments: number;
  readonly follows: number;
  /** The same seed gives the same data. */
  readonly seed: number;
}

/** Rows per insert: enough to make the round trip negligible, but few enough to keep the progress bar moving. */
const CHUNK = 5_000;

/** When the made-up history ends. Fixed, because the same seed must give the same data on any day. */
const END = new Date('2026-01-01T00:00:00Z');
const YEARS = 3;

const MINUTE = 60_000;

/** Texts are rendered once and reused. */
const DIFFERENT_TEXTS = 1_000;

/**
 * Fills the database with made-up people, posts, comments, follows, and a few likes and bookmarks, in bulk and in one
 * transaction. All passwords are `password`; email addresses are `user1@example.com` and so on.
 */
export async function seed(db: Kysely<Schema>, amounts: Amounts): Promise<void> {
  faker.seed(amounts.seed);
  faker.setDefaultRefDate(END);
  await db.transaction().execute(async (trx) => {
    await setTriggers(trx, 'disable');
    const userIds = await seedUsers(trx, amounts.users);
    const postIds = await seedPosts(trx, amounts.posts, userIds);
    await seedComments(trx, amounts.comments, userIds, postIds);
    await seedFollows(trx, amounts.follows, userIds);
    await seedAnswers(trx, userIds.length);
    await setTriggers(trx, 'enable');
    await sql`select recount()`.execute(trx);
    await sql`insert into post_tags (tag, position) select unnest(tags), position from posts order by position`.execute(
      trx,
    );
    await sql`insert into post_words select position, words_of(posts) from posts`.execute(trx);
    await sql`insert into comment_words select id, words_of(comments) from comments`.execute(trx);
  });
  // As in a database that has been running for a while: with statistics and visibility maps.
  await sql`vacuum (analyze) users, posts, post_tags, comments, follows, likes, bookmarks, post_words, comment_words`.execute(
    db,
  );
}

/** The triggers are off while seeding, because counting once at the end is faster. */
async function setTriggers(db: Db, state: 'disable' | 'enable'): Promise<void> {
  for (const table of ['posts', 'comments', 'follows']) {
    await sql`alter table ${sql.table(table)} ${sql.raw(state)} trigger user`.execute(db);
  }
}

async function seedUsers(db: Db, count: number): Promise<number[]> {
  // One hash with a fixed salt for everyone, because hashing a hundred thousand passwords would take an hour.
  const passwordHash = await hash('password', {
    memoryCost: 19 * 1024,
    timeCost: 2,
    salt: Buffer.alloc(16, 'seed'),
  });
  return insertInChunks(db, 'users', count, (from, to) => {
    const people = range(from, to).map((number) => ({
      username: `user${number}`,
      name: faker.person.fullName(),
      location: faker.location.city(),
      aboutMe: faker.person.bio(),
      since: faker.date.past({ years: YEARS }),
      avatarSeed: faker.string.uuid(),
    }));
    return sql`
      insert into users
        (email, username, password_hash, role, confirmed_at, created_at, last_seen_at, name, location, about_me, avatar_seed)
      select username || '@example.com', username, ${passwordHash}, 'User', since, since, since, name, location, about_me, avatar
      from unnest(
        ${column(people, 'username')}::text[], ${column(people, 'name')}::text[], ${column(people, 'location')}::text[],
        ${column(people, 'aboutMe')}::text[], ${column(people, 'since')}::timestamptz[], ${column(people, 'avatarSeed')}::uuid[]
      ) as person (username, name, location, about_me, since, avatar)
      returning id
    `;
  });
}

function seedPosts(db: Db, count: number, userIds: readonly number[]): Promise<number[]> {
  const texts = range(1, Math.min(count, DIFFERENT_TEXTS))
    .map(makePost)
    .map(({ title, body, added }) => {
      const text = render('post', body);
      return { ...text, title, added, tags: [added, ...text.tags].join(' ').trim() };
    });
  return insertInChunks(db, 'posts', count, (from, to) => {
    const posts = range(from, to).map((number) => ({
      ...pick(texts),
      authorId: pick(userIds),
      createdAt: momentOf(number, count),
    }));
    return sql`
      insert into posts (author_id, title, body, body_html, excerpt_html, created_at, renderer, added_tags, tags)
      select author_id, title, body, html, excerpt, created_at, ${RENDERER}, string_to_array(added, ' '), string_to_array(tags, ' ')
      from unnest(
        ${column(posts, 'authorId')}::int[], ${column(posts, 'title')}::text[], ${column(posts, 'body')}::text[],
        ${column(posts, 'html')}::text[], ${column(posts, 'excerptHtml')}::text[],
        ${column(posts, 'createdAt')}::timestamptz[], ${column(posts, 'added')}::text[], ${column(posts, 'tags')}::text[]
      ) as post (author_id, title, body, html, excerpt, created_at, added, tags)
      returning id
    `;
  });
}

async function seedComments(
  db: Db,
  count: number,
  userIds: readonly number[],
  postIds: readonly number[],
): Promise<void> {
  const texts = range(1, Math.min(count, DIFFERENT_TEXTS))
    .map(() => faker.lorem.sentences({ min: 1, max: 3 }))
    .map((body) => render('comment', body));
  await insertInChunks(db, 'comments', count, (from, to) => {
    const comments = range(from, to).map((number) => ({
      ...pick(texts),
      ...pickCommented(postIds, number / count),
      authorId: pick(userIds),
    }));
    return sql`
      insert into comments (post_id, author_id, body, body_html, created_at, renderer)
      select *, ${RENDERER} from unnest(
        ${column(comments, 'postId')}::int[], ${column(comments, 'authorId')}::int[],
        ${column(comments, 'body')}::text[], ${column(comments, 'html')}::text[], ${column(comments, 'createdAt')}::timestamptz[]
      )
      returning id
    `;
  });
}

/** Draws pairs until there are exactly as many as requested, without repetitions. */
async function seedFollows(db: Db, count: number, userIds: readonly number[]): Promise<void> {
  const people = userIds.length;
  const drawn = new Set<number>();
  await insertInChunks(db, 'follows', count, (from, to) => {
    const follows: { followerId: number; followedId: number; since: Date }[] = [];
    while (follows.length < to - from + 1) {
      const [follower, followed] = [faker.number.int(people - 1), faker.number.int(people - 1)];
      const key = follower * people + followed;
      const [followerId, followedId] = [userIds[follower], userIds[followed]];
      if (follower === followed || drawn.has(key) || followerId === undefined || followedId === undefined)
        continue;
      drawn.add(key);
      follows.push({ followerId, followedId, since: momentOf(from + follows.length, count) });
    }
    return sql`
      insert into follows (follower_id, followed_id, created_at)
      select * from unnest(
        ${column(follows, 'followerId')}::int[], ${column(follows, 'followedId')}::int[], ${column(follows, 'since')}::timestamptz[]
      )
      returning follower_id as id
    `;
  });
}

async function insertInChunks(
  db: Db,
  what: string,
  count: number,
  insert: (from: number, to: number) => RawBuilder<unknown>,
): Promise<number[]> {
  const bar = new SingleBar({
    format: `${what.padEnd(8)} {bar} {value}/{total}  {eta_formatted} left`,
    noTTYOutput: true,
    notTTYSchedule: 5_000,
    hideCursor: true,
  });
  const ids: number[] = [];
  bar.start(count, 0);
  try {
    for (let from = 1; from <= count; from += CHUNK) {
      const { rows } = await insert(from, Math.min(count, from + CHUNK - 1)).execute(db);
      for (const { id } of rows as { id: number }[]) ids.push(id);
      bar.update(ids.length);
    }
  } finally {
    bar.stop();
  }
  return ids;
}

/**
 * Picks what a comment is on and when it is written: later than the post. Recent posts get more comments.
 *
 * @param progress of the made-up history, from 0 to 1
 */
function pickCommented(postIds: readonly number[], progress: number) {
  const older = Math.max(1, Math.floor(postIds.length * progress));
  const number = older - Math.floor(older * faker.number.float() ** 3);
  const publishedAt = momentOf(number, postIds.length).getTime();
  const createdAt = new Date(Math.max(publishedAt, momentOf(progress, 1).getTime()) + MINUTE);
  return { postId: postIds[number - 1], createdAt };
}

/** Spreads posts, comments and follows evenly over the years. */
function momentOf(number: number, count: number): Date {
  const span = YEARS * 365 * 24 * 60 * 60 * 1000;
  return new Date(END.getTime() - span * (1 - number / count));
}

function pick<Item>(items: readonly Item[]): Item {
  return faker.helpers.arrayElement(items);
}

function column<Row, Name extends keyof Row>(rows: readonly Row[], name: Name): Row[Name][] {
  return rows.map((row) => row[name]);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
