import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import type { Browser } from 'playwright-core';
import { buildApp } from '../src/app.ts';
import { loadConfig } from '../src/config.ts';
import { publishComment } from '../src/domain/comments/write.ts';
import { publishPost } from '../src/domain/posts/write.ts';
import { runMain } from '../src/process.ts';
import { openScope } from '../test/support/scope.ts';
import { launchChromium } from './support/chromium.ts';
import { migrateToLatest } from './support/migrate.ts';
import { openTemporaryCluster } from './support/temporary-cluster.ts';

/** `npm run screenshots`: takes screenshots of the main pages of a small site and saves them in `docs/screenshots`. */

const FOLDER = join(import.meta.dirname, '..', 'docs', 'screenshots');

const SCREENS = {
  desktop: { width: 1100, height: 800 },
  phone: { width: 390, height: 800 },
} as const;

const PEOPLE = [
  {
    username: 'susan',
    name: 'Susan Bell',
    location: 'Leeds',
    about: 'Trains, letters, and the post between them.',
  },
  { username: 'tomas', name: 'Tomás Ruiz', location: 'Vigo', about: 'Bakes bread and keeps notes.' },
  { username: 'ines', name: 'Inês Costa', location: 'Porto', about: 'Reads old maps.' },
] as const;

const POSTS: readonly { readonly title?: string; readonly body: string; readonly addedTags?: string[] }[] = [
  {
    title: 'What a penny paid for',
    body: 'The first stamp cost a penny, and it carried a letter anywhere in the country. Before that, **who received** it paid.',
    addedTags: ['history', 'letters'],
  },
  {
    title: 'Sourdough, week three',
    body: 'It rises now. What changed:\n\n- warmer water, 27 °C\n- half the salt until the second fold\n- patience\n\nThe crust still *sings* when it comes out.',
    addedTags: ['bread'],
  },
  {
    body: 'Found a #map of 1571 that draws Ireland as an island with a river straight through it. Somebody must have been told so by a very confident sailor.',
  },
  {
    body: '> A letter always seemed to me like immortality.\n\nEmily Dickinson wrote that to a friend. I answer my mail with more care since.',
  },
];

const COMMENTS = [
  'And who received it could refuse. There were secret signs on the outside, so that one could read without paying.',
  'I did not know that. Is that why they are called *penny posts*?',
];

await runMain(async () => {
  await using scope = openScope();
  const databaseUrl = (await openTemporaryCluster(scope, tmpdir())).url('postgres');
  await migrateToLatest(databaseUrl, () => {});
  const app = buildApp(
    loadConfig({ DATABASE_URL: databaseUrl, SMTP_URL: 'smtp://127.0.0.1:1', LOG_LEVEL: 'error' }),
  );
  scope.teardown(() => app.close());
  const site = await app.listen({ host: '127.0.0.1', port: 0 });
  const browser = await launchChromium();
  scope.teardown(() => browser.close());
  const postId = await fillSite(app);
  await mkdir(FOLDER, { recursive: true });
  await shootAll(browser, site, { home: '/', post: `/post/${postId}`, profile: '/user/susan' });
});

/** Adds a few people and recent posts. Returns the id of the post with comments. */
async function fillSite({ db, queue, markdown }: FastifyInstance): Promise<number> {
  const ids: number[] = [];
  for (const [index, { username, name, location, about }] of PEOPLE.entries()) {
    const { id } = await db
      .insertInto('users')
      .values({
        email: `${username}@example.com`,
        username,
        name,
        location,
        about_me: about,
        role: 'User',
        password_hash: 'none',
        confirmed_at: new Date(),
        avatar_seed: `3f0c2a56-8a5e-4d0e-9a53-${String(index + 1).repeat(12)}`,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    ids.push(id);
  }
  await sql`insert into follows (follower_id, followed_id) select a.id, b.id from users a, users b where a.id <> b.id`.execute(
    db,
  );
  const postIds: number[] = [];
  for (const [index, { body, ...rest }] of POSTS.toReversed().entries()) {
    const authorId = ids[(POSTS.length - 1 - index) % ids.length] ?? 1;
    postIds.push((await publishPost(db, authorId, { ...(await markdown.post(body)), ...rest })).id);
  }
  const postId = postIds.at(-1) ?? 1;
  for (const [index, body] of COMMENTS.entries()) {
    const comment = {
      postId,
      authorId: ids[(index + 1) % ids.length] ?? 1,
      text: await markdown.comment(body),
    };
    await publishComment({ db, queue }, comment);
  }
  await sql`update posts set created_at = now() - (${postId}::int - id) * interval '17 hours' - interval '2 hours'`.execute(
    db,
  );
  await sql`update users set created_at = now() - interval '2 years'`.execute(db);
  return postId;
}

async function shootAll(
  browser: Browser,
  site: string,
  pages: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [screen, viewport] of Object.entries(SCREENS)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({
        colorScheme,
        viewport,
        reducedMotion: 'reduce',
        locale: 'en-GB',
      });
      const page = await context.newPage();
      for (const [name, path] of Object.entries(pages)) {
        await page.goto(site + path, { waitUntil: 'networkidle' });
        const file = `${name}-${screen}-${colorScheme}.jpg`;
        await page.screenshot({ path: join(FOLDER, file), type: 'jpeg', quality: 85 });
        console.log(`docs/screenshots/${file}`);
      }
      await context.close();
    }
  }
}
