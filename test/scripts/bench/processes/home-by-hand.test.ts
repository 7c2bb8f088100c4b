import t from 'tap';
import { Helper } from '../../../../scripts/bench/helper.ts';
import { startSession } from '../../../../src/domain/sessions/start.ts';
import { build } from '../../../support/build.ts';
import { createUser } from '../../../support/factories.ts';
import { writePosts } from '../../../support/writing.ts';

t.test('the home page written by hand, a reference of the benchmark, still fits the schema', async (t) => {
  const app = await build(t);
  const author = await createUser(app);
  await writePosts(app, author, 2);
  const token = await startSession(app.db, { userId: author.id, isRemembered: false });
  await using byHand = await Helper.start('home-by-hand', {
    DATABASE_URL: String(app.config.databaseUrl),
    PAGE: '<ol class="posts">\n</ol>',
  });
  const page = await fetch(`${await byHand.ask('url')}/`, { headers: { cookie: `session=${token}` } });
  t.equal(page.status, 200);
  t.equal((await page.text()).match(/<article/g)?.length, 2);
});
