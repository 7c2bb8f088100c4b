import { type Kysely, sql } from 'kysely';
import t from 'tap';
import { seed } from '../../scripts/support/seed.ts';
import type { Schema } from '../../src/database/schema.ts';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';

const AMOUNTS = { users: 40, posts: 60, comments: 80, follows: 50, seed: 7 };

t.test('seed writes the requested rows once, and the same rows for the same seed', async (t) => {
  const env = { DATABASE_URL: await createDatabase(t) };
  const args = Object.entries(AMOUNTS).map(([name, amount]) => `--${name}=${amount}`);
  const running = start(t, ['scripts/seed.ts', ...args], env);
  t.equal(await running.exited(), 0);
  t.match(running.output, /posts .* 60\/60/, 'it shows how far it is');
  const app = await build(t, env);

  for (const table of ['users', 'posts', 'comments', 'follows'] as const) {
    const { count } = await app.db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow();
    t.equal(Number(count), AMOUNTS[table], table);
  }
  const { rows } = await sql`
    select from comments join posts on posts.id = post_id where comments.created_at <= posts.created_at
  `.execute(app.db);
  t.equal(rows.length, 0, 'comments are newer than their posts');
  const { rows: answers } = await sql`
    select (select count(*) from comments where parent_id is not null)::int as replies,
      (select count(*) from likes)::int as likes, (select count(*) from bookmarks)::int as bookmarks
  `.execute(app.db);
  t.same(answers, [{ replies: 6, likes: 40, bookmarks: 3 }]);
  const visitor = new Client(app);
  t.match((await visitor.get('/')).body, '<div class="prose">');
  t.match((await visitor.get('/tag/bread')).body, 'class="post-title"');
  const { statusCode } = await visitor.post('/auth/login', {
    email: 'user40@example.com',
    password: 'password',
  });
  t.equal(statusCode, 303, 'everybody\'s password is "password"');

  const again = start(t, ['scripts/seed.ts', ...args], env);
  t.equal(await again.exited(), 2);
  t.match(again.output, /^This database has already been seeded/);

  const other = await build(t);
  await seed(other.db, AMOUNTS);
  t.same(await digest(other.db), await digest(app.db));
});

/** All generated data as one value, without secret keys, and without what the log-in above has changed. */
async function digest(db: Kysely<Schema>): Promise<unknown> {
  const { rows } = await sql`
    select md5(string_agg(row::text, '|' order by row::text)) as digest from (
      select (to_jsonb(u) - 'last_seen_at' - 'unsubscribe_key')::text as row from users u union all select p::text from posts p
      union all select c::text from comments c union all select f::text from follows f
      union all select t::text from post_tags t union all select l::text from likes l union all select b::text from bookmarks b
    ) as everything
  `.execute(db);
  return rows[0];
}

t.test('invalid amounts get one line each', async (t) => {
  const wrong = start(t, ['scripts/seed.ts', '--users=many', '--follows=-1'], {});
  t.equal(await wrong.exited(), 2);
  t.match(wrong.output, /^--users: "many" is not accepted.*\n--follows: "-1" is not accepted/);
});
