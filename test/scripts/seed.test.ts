import { sql } from 'kysely';
import t from 'tap';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';

// Mostly waits for processes.
t.jobs = 3;
const SIDE_BY_SIDE = { buffered: true };

const AMOUNTS = ['--users=40', '--posts=60', '--comments=80', '--follows=50', '--seed=7'];

async function seeded(t: Parameters<typeof build>[0]) {
  const env = { DATABASE_URL: await createDatabase(t) };
  const running = start(t, ['scripts/seed.ts', ...AMOUNTS], env);
  t.equal(await running.exited(), 0);
  return { app: await build(t, env), env, output: running.output };
}

t.test(
  'seeding adds the requested rows, shows progress, and sets the password "password"',
  SIDE_BY_SIDE,
  async (t) => {
    const { app, output } = await seeded(t);
    const count = async (table: string) => {
      const { rows } = await sql<{
        count: number;
      }>`select count(*)::int as count from ${sql.id(table)}`.execute(app.db);
      return rows[0]?.count;
    };
    t.equal(await count('users'), 40);
    t.equal(await count('posts'), 60);
    t.equal(await count('comments'), 80);
    t.equal(await count('follows'), 50);
    t.match(output, /posts .* 60\/60/);
    const response = await new Client(app).post('/auth/login', {
      email: 'user40@example.com',
      password: 'password',
    });
    t.equal(response.statusCode, 303);
    t.match((await new Client(app).get('/')).body, '<div class="prose">');
  },
);

t.test('the same seed gives the same data', SIDE_BY_SIDE, async (t) => {
  const digests = [];
  for (const { app } of [await seeded(t), await seeded(t)]) {
    const { rows } = await sql`
      select md5(string_agg(row::text, '|' order by row::text)) as digest from (
        select u::text as row from users u union all select p::text from posts p
        union all select c::text from comments c union all select f::text from follows f
      ) as everything
    `.execute(app.db);
    digests.push(rows[0]);
  }
  t.same(digests[0], digests[1]);
});

t.test('invalid amounts get one line each, and seeding twice is refused', SIDE_BY_SIDE, async (t) => {
  const { env } = await seeded(t);
  const again = start(t, ['scripts/seed.ts', ...AMOUNTS], env);
  t.equal(await again.exited(), 2);
  t.match(again.output, /^This database has already been seeded/);

  const wrong = start(t, ['scripts/seed.ts', '--users=many', '--follows=-1'], env);
  t.equal(await wrong.exited(), 2);
  t.match(wrong.output, /^--users: "many" is not accepted.*\n--follows: "-1" is not accepted/);
});
