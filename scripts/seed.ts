import { parseArgs } from 'node:util';
import { ConfigError, StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import type { Amounts } from './support/seed.ts';

const DEFAULTS: Amounts = { users: 100, posts: 1000, comments: 3000, follows: 1000, seed: 1 };

/**
 * `npm run seed`: fills an empty site with made-up people, whose password is `password`, and their posts. `--users N`, `--posts
 * N`, `--comments N` and `--follows N` set their numbers; another `--seed N` makes other ones.
 */
await runMain(async () => {
  const amounts = readAmounts();
  const { withApp } = await import('./support/app.ts');
  const { seed } = await import('./support/seed.ts');
  await withApp(async ({ db, pool }) => {
    const { rows } = await pool.query(`select from users where lower(username) = 'user1'`);
    if (rows.length > 0) throw new StartupError(2, 'This database has already been seeded: user1 exists.');
    const startedAt = performance.now();
    await seed(db, amounts);
    console.log(
      `Done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Log in as user1@example.com with "password".`,
    );
  });
});

function readAmounts(): Amounts {
  const { values } = parseArgs({
    options: Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, { type: 'string' as const }])),
  });
  const problems: string[] = [];
  const read = (name: keyof Amounts, min: number): number => {
    const given = values[name];
    if (given === undefined) return DEFAULTS[name];
    const number = Number(given);
    if (!Number.isInteger(number) || number < min) {
      problems.push(`--${name}: "${given}" is not accepted; give a whole number from ${min}`);
    }
    return number;
  };
  const amounts = {
    users: read('users', 1),
    posts: read('posts', 0),
    comments: read('comments', 0),
    follows: read('follows', 0),
    seed: read('seed', 0),
  };
  const possible = amounts.users * (amounts.users - 1);
  if (amounts.follows > possible / 2) {
    problems.push(
      `--follows: ${amounts.follows} is too many for ${amounts.users} users; give at most ${possible / 2}`,
    );
  }
  if (amounts.comments > 0 && amounts.posts === 0)
    problems.push('--comments: there are no posts to comment on');
  if (problems.length > 0) throw new ConfigError(problems);
  return amounts;
}
