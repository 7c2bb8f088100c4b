import type { FastifyInstance } from 'fastify';
import { sql, type Transaction } from 'kysely';
import type { PoolClient } from 'pg';
import pg from 'pg';
import t, { type Test } from 'tap';
import { buildApp } from '../../src/app.ts';
import type { Schema } from '../../src/database/schema.ts';
import { positionAt } from '../../src/domain/posts/position.ts';
import { ApiProgram, basic } from '../support/api.ts';
import { build, testConfig } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { createDatabase } from '../support/database.ts';
import { createUser, PASSWORD, registration, signedInClient, type TestUser } from '../support/factories.ts';
import { givePassword, giveTwoFactor } from '../support/two-factor.ts';

/** Enough rows for the planner to avoid scanning a whole table. */
const PEOPLE = 20_000;
const POSTS = 20_000;
const COMMENTS = 20_000;
const EVENTS = 20_000;

/** A month in the middle of the data from `fill`. */
const MONTH = monthOf(new Date(Date.now() - 365 * 24 * 60 * 60 * 1000));

/** The cursor of a list of posts, in the middle of the data from `fill`. */
const PLACE = positionAt(new Date(Date.now() - (POSTS / 2) * 60 * 60 * 1000));

/** The path of a picture from `fill`. */
const PICTURE = `/avatar/large/${'7'.padStart(43, '0')}.webp`;

/** The path of an image from `fill`. */
const IMAGE = `/images/${'7'.padStart(22, '0')}/640.webp`;

/** The maximum number of rows that a page may read, on a site of any size: 500 numbered pages, in an index. */
const MAX_ROWS = 10_000;
const MAX_SORTED = 1_000;

/** The archive path of a moment's month. */
function monthOf(moment: Date): string {
  return `/archive/${moment.toISOString().slice(0, 7).replace('-', '/')}`;
}

/** A node of a plan from EXPLAIN (ANALYZE, FORMAT JSON). */
interface Step {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Parent Relationship'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly Plans?: readonly Step[];
}

/** Lets every statement in a database tell its client how it was carried out. Returns the database's URL. */
async function explaining(url: string, settings: Record<string, string> = {}): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const database = new URL(url).pathname.slice(1);
  const all = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_format': 'json',
    client_min_messages: 'log',
    ...settings,
  };
  for (const [name, value] of Object.entries(all)) {
    await client.query(`alter database ${database} set ${name} = '${value}'`);
  }
  await client.end();
  return url;
}

/** Collects the plans of an app's statements from now on. */
function collectPlans({ pool }: FastifyInstance) {
  const plans: { sql: string; plan: Step }[] = [];
  const heard = new WeakSet<PoolClient>();
  pool.on('acquire', (client) => {
    if (heard.has(client)) return;
    heard.add(client);
    client.on('notice', ({ message }) => {
      const json = /plan:\s*(\{.*\})\s*$/s.exec(message ?? '')?.[1];
      if (json === undefined) return;
      const { 'Query Text': text, Plan: plan } = JSON.parse(json);
      plans.push({ sql: text, plan });
    });
  });
  return plans;
}

/** Finds the nodes of a plan that would be slower on a larger site. */
function faultsOf(step: Step): string[] {
  const { 'Node Type': type, 'Relation Name': table = '', Plans: parts = [] } = step;
  if (step['Actual Loops'] === 0) return [];
  const faults = parts.flatMap(faultsOf);
  const rows = step['Actual Rows'] * step['Actual Loops'];
  if (type === 'Seq Scan') faults.push(`reads all of ${table}`);
  if (rows > MAX_ROWS) faults.push(`${type} ${table}: ${rows} rows`);
  // Its other parts are subqueries, such as the people the reader has muted.
  const sorted = parts
    .filter((part) => part['Parent Relationship'] === 'Outer')
    .reduce((sum, part) => sum + part['Actual Rows'] * part['Actual Loops'], 0);
  if (type === 'Sort' && sorted > MAX_SORTED) faults.push(`sorts ${sorted} rows`);
  return faults;
}

/** A site so large that reading a whole table shows, for tests to clone, and two who follow many and few. */
interface LargeSite {
  readonly url: string;
  readonly many: TestUser;
  readonly few: TestUser;
}

async function makeLargeSite(t: Test): Promise<LargeSite> {
  const url = await createDatabase(t);
  const app = buildApp(testConfig({ DATABASE_URL: url }));
  await app.ready();
  const many = await createUser(app, { username: 'many', role: 'Administrator' });
  const few = await createUser(app, { username: 'few' });
  await fill(app);
  await sql`vacuum analyze`.execute(app.db);
  await app.close();
  return { url, many, few };
}

async function fill({ db }: FastifyInstance): Promise<void> {
  await sql`alter table posts disable trigger posts_indexed; alter table comments disable trigger comments_indexed`.execute(
    db,
  );
  await sql`
    insert into users (email, username, password_hash, role, confirmed_at)
    select 'p' || n || '@example.com', 'p' || n, 'none', 'User', now() from generate_series(1, ${PEOPLE}::int) as n
  `.execute(db);
  await sql`
    insert into posts (author_id, body, body_html, created_at, tags, is_unlisted)
    select 1 + n % ${PEOPLE}::int, 'Post', repeat('<p>Post</p>', 50), now() - (${POSTS} - n) * interval '1 hour',
      array['common', 'tag' || n % 200], n % 10 = 3 from generate_series(1, ${POSTS}::int) as n
  `.execute(db);
  await sql`
    insert into comments (post_id, author_id, body, body_html, parent_id, root_id)
    select case when n % 4 = 0 then 1 else n end, 1 + n % ${PEOPLE}::int, 'Comment', 'Comment', reply_to, reply_to
    from generate_series(1, ${COMMENTS}::int) as n, lateral (select case when n > 8 and n % 8 = 0 then 4 end as reply_to)
  `.execute(db);
  // Every text has one word, and a hundredth of them another. Reading each text would take longer than all the rest.
  for (const [noun, column, bits] of [
    ['post', 'position', 43],
    ['comment', 'id', 17],
  ] as const) {
    const [words, texts, key] = [sql.raw(`${noun}_words`), sql.raw(`${noun}s`), sql.raw(column)];
    await sql`
      insert into ${words} select ${key}, (${noun}::text || ':1 part' || id % 100 || ':2')::tsvector || range_word(${key}, ${bits}::int)
      from ${texts}
    `.execute(db);
    await sql`alter table ${texts} enable trigger user`.execute(db);
  }
  // The second person follows few.
  await sql`
    insert into follows (follower_id, followed_id, created_at)
    select follower.id, followed.id, now() - followed.id * interval '1 hour'
    from users as follower join users as followed on followed.id <> follower.id
      and (follower.id <= 2 or followed.id <= 2 or (follower.id + followed.id) % 100 = 0)
    where follower.id < 100 and (follower.id <> 2 or followed.id <= 50)
    order by followed.id, follower.id
  `.execute(db);
  await db.transaction().execute(fillUnchecked);
}

/** Fills the tables without triggers, or whose triggers only write what is written here. The checks of references would take as long. */
async function fillUnchecked(db: Transaction<Schema>): Promise<void> {
  await sql`set local session_replication_role = replica`.execute(db);
  await sql`
    insert into post_versions (post_id, version, body, added_tags, written_at, writer_id, replacer_id)
    select 1 + n / 50, 1 + n % 50, 'Version', '{}', now(), 1 + n % ${PEOPLE}::int, 1 + n % ${PEOPLE}::int
    from generate_series(0, 19999) as n
  `.execute(db);
  await sql`update posts set version = 51 where id <= 400`.execute(db);
  await sql`
    insert into tag_follows (user_id, tag) select 1 + n % 2, 'tag' || n from generate_series(1, 14) as n
    union all select 3 + n, 'common' from generate_series(1, 5000) as n
  `.execute(db);
  await sql`update users set pinned_post_id = id - 1 where id between 2 and 5000`.execute(db);
  await sql`
    insert into mentions (user_id, comment_id, name)
    select case when n % 4 = 0 then 1 else n end, n, 'p' || n from generate_series(1, 5000) as n
  `.execute(db);
  await sql`
    insert into blocks (blocker_id, blocked_id, kind) select blocker, 1000 + n, 'mute'
    from generate_series(1, 2) as blocker, generate_series(1, 500) as n
    union all select 3 + n, 4 + n, 'block' from generate_series(1, 1000) as n
  `.execute(db);
  // Some posts that many like, and somebody with many bookmarks.
  await sql`
    insert into likes (user_id, post_id) select 3 + n % 2000, case when n < 4000 then ${POSTS}::int - n / 2000 when n < 6000 then 1 else n end
    from generate_series(1, ${POSTS}::int) as n on conflict do nothing
  `.execute(db);
  await sql`
    insert into bookmarks (user_id, post_id) select case when n < 2000 then 1 else 3 + n % 2000 end, n
    from generate_series(1, ${POSTS}::int) as n
  `.execute(db);
  await sql`
    insert into drafts (author_id, title, body, tags)
    select case when n <= 100 then 1 else 3 + n % 5000 end, 'Draft', 'Draft', '' from generate_series(1, 10000) as n
  `.execute(db);
  await sql`
    insert into security_events (kind, user_id, actor_id)
    select case when n % 1000 = 0 then 'role-changed' when n % 100 = 0 then 'post-disabled' else 'logged-in' end,
      case when n % 4 = 0 then 1 else n end, 1 + n % ${PEOPLE}::int
    from generate_series(1, ${EVENTS}::int) as n
  `.execute(db);
  await sql`
    insert into notifications (recipient_id, kind, cause, actor_id, post_id, comment_id, read_at)
    select case when n % 4 = 0 then 1 else n end, 'comment', n, 1 + n % ${PEOPLE}::int, 1 + n % ${POSTS}::int,
      1 + n % ${COMMENTS}::int, case when n % 3 = 0 then now() end
    from generate_series(1, 20000) as n
  `.execute(db);
  await sql`
    insert into reports (reporter_id, post_id, reason) select 3 + n % 50, 1 + n / 50, 'Spam' from generate_series(1, 5000) as n
  `.execute(db);
  await sql`
    insert into mail_deliveries (job_id, user_id, template, message_id, sent_to)
    select gen_random_uuid(), case when n % 4 = 0 then 1 else n end, 'weekly-digest', n, 'p@example.com'
    from generate_series(1, 5000) as n
  `.execute(db);
  await sql`
    insert into subscriptions (author_id, email, confirmed_at)
    select case when n % 4 = 0 then 1 else n end, 'p' || n % 1000 || '.' || n / 1000 || '@example.com', now()
    from generate_series(1, 5000) as n
  `.execute(db);
  await sql`insert into post_mailings (post_id) select n from generate_series(1, 5000) as n`.execute(db);
  await sql`
    insert into applications (user_id, reason, confirmed_at)
    select n, 'To write', case when n % 2 = 0 then now() - n * interval '1 minute' end from generate_series(3, 5000) as n
  `.execute(db);
  await sql`
    insert into invitations (token_hash, inviter_id, max_uses, expires_at)
    select sha256(n::text::bytea), 1, 5, now() + interval '1 day' from generate_series(1, 1000) as n
  `.execute(db);
  await sql`
    insert into invited_people (user_id, invitation_id) select n, 1 + n / 5 from generate_series(3, 4000) as n
  `.execute(db);
  await sql`
    insert into pictures (user_id, hash, small, large) select n, lpad(n::text, 43, '0'), '', '' from generate_series(1, 5000) as n
  `.execute(db);
  await sql`
    insert into picture_uploads (user_id, content) select n, '' from generate_series(1, 5000) as n
  `.execute(db);
  await sql`
    insert into images (key, owner_id, alt, width, height, size, unused_since)
    select lpad(n::text, 22, '0'), case when n % 20 = 0 then 1 else n end, '', 9, 9, 9,
      case when n % 2 = 0 then now() end from generate_series(1, 10000) as n
  `.execute(db);
  await sql`insert into image_files (image_id, width, content) select id, 640, '' from images`.execute(db);
  await sql`insert into post_images (image_id, post_id) select id, id from images where id % 2 = 1`.execute(
    db,
  );
  await sql`
    insert into sessions (token_hash, user_id, expires_at)
    select sha256(n::text::bytea), n, now() + interval '1 day' from generate_series(1, 5000) as n
  `.execute(db);
  await sql`
    insert into recovery_codes (user_id, code_hash) select n % 1000 + 1, sha256(n::text::bytea) from generate_series(1, 10000) as n
  `.execute(db);
  await sql`
    insert into passkeys (user_id, credential_id, public_key, counter, name)
    select n % 1000 + 3, sha256(n::text::bytea), '', 0, 'Phone' from generate_series(1, 5000) as n
  `.execute(db);
  await sql`update users set passkey_count = 5 where id between 3 and 1002`.execute(db);
  await sql`
    insert into pending_log_ins (session_hash, user_id, is_remembered, expires_at)
    select token_hash, user_id, false, now() + interval '1 hour' from sessions
  `.execute(db);
  await sql`
    insert into api_tokens (token_hash, user_id, scope, expires_at)
    select sha256(n::text::bytea), n, 'read', now() + interval '1 day' from generate_series(1, 5000) as n
  `.execute(db);
}

const site = await makeLargeSite(t);

t.test('no page scans a whole table or sorts rows that grow with the site', async (t) => {
  for (const [how, settings] of [
    ['planned for its values', { plan_cache_mode: 'force_custom_plan' }],
    ['planned once for all values', { plan_cache_mode: 'force_generic_plan' }],
  ] as const) {
    await t.test(how, (t) => checkPages(t, settings));
  }
});

async function checkPages(t: Test, settings: Record<string, string>): Promise<void> {
  const { url, many, few } = site;
  const app = await build(t, { DATABASE_URL: await explaining(await createDatabase(t, url), settings) });
  const readers = {
    visitor: new Client(app),
    'who follows many': await signedInClient(app, many),
    'who follows few': await signedInClient(app, few),
  };
  const followers = [await signedInClient(app, many), await signedInClient(app, few)];
  for (const follower of followers) await follower.get('/followed');
  const program = await ApiProgram.of(app, many);
  const programOfFew = await ApiProgram.of(app, few);
  const plans = collectPlans(app);

  const visit = async (what: string, get: () => Promise<{ statusCode: number }>) => {
    plans.length = 0;
    const { statusCode } = await get();
    t.equal(statusCode, 200, what);
    for (const { sql, plan } of plans)
      t.same(faultsOf(plan), [], `${what}: ${sql.replaceAll(/\s+/g, ' ').trim()}`);
  };
  for (const [who, reader] of Object.entries(readers)) {
    for (const path of [
      '/',
      '/?page=2',
      '/?page=400',
      '/?page=-1',
      `/?before=${PLACE}`,
      `/?after=${PLACE}`,
      '/archive',
      MONTH,
      `${MONTH}?page=2`,
      '/post/1',
      '/post/1?page=80',
      '/post/1?page=-1',
      '/post/1?after=10000',
      '/tag/common',
      '/tag/common?page=400',
      `/tag/tag7?before=${PLACE}`,
      '/tag/none',
      '/comment/1/whole',
      '/comment/15000',
      '/explore',
      '/people',
      '/people?before=10000',
      '/people/active',
      '/people/recent',
      '/search?q=post',
      '/search?q=part7',
      '/search?q=%22post+part7%22+before:2026-01-01',
      '/search?q=-post',
      '/search?q=part7+from:many',
      '/search?q=part7+tag:tag7',
      '/search?q=after:2025-01-01',
      '/search?q=comment&type=comments',
      '/search?q=part7&type=comments',
      '/search?q=p777&type=people',
      '/history/1',
      '/history/1/7',
      '/likes/1',
      '/likes/1?before=5500',
    ]) {
      await visit(`${path} for ${who}`, async () => reader.follow(await reader.get(path)));
    }
    for (const path of [
      '/user/many',
      '/user/p7',
      '/user/many/subscribe',
      '/user/p7/subscribe',
      '/tag/common/subscribe',
      '/followers/many',
      '/followed-by/many',
      '/followers/many?page=2',
      '/followers/many?before=50',
    ]) {
      await visit(`${path} for ${who}`, () => reader.get(path));
    }
  }
  for (const follower of followers) {
    for (const path of ['/', '/?page=2', `/?before=${PLACE}`, `/?after=${PLACE}`])
      await visit(`${path}, Followed tab`, () => follower.get(path));
  }
  const { 'who follows many': moderator } = readers;
  for (const path of [
    '/moderate',
    '/moderate/people/1',
    '/moderate/reports',
    '/moderate/applications',
    '/admin/invitations',
    '/moderate?page=300',
    '/moderate?page=-1',
    '/moderate?before=10000',
    '/edit/1',
    '/comment/8/reply',
    '/comment/8/edit',
    '/people/complete?q=p&post=1',
    '/people/complete?q=p77&post=1',
    '/feed.atom',
    '/post/1/feed.json',
    '/auth/security',
    '/blocks',
    '/followed-tags',
    '/tag/common.atom',
    '/blocks?before=500',
    '/notifications',
    '/notifications?before=10000',
    '/bookmarks',
    '/bookmarks?before=500',
    '/bookmarks?page=20',
    '/drafts',
    '/drafts/1',
    '/auth/two-factor/on',
    '/auth/passkeys/add',
    '/edit-profile',
    '/edit-profile/mails',
    '/edit-profile/picture',
    '/your-data/delete',
    '/report/post/1',
    '/report/comment/8',
    '/report/person/1',
    PICTURE,
    IMAGE,
    '/images',
    '/images?before=5000',
    '/auth/activity',
    '/auth/activity?before=10000',
    '/admin/activity',
    '/admin/activity?before=10000',
    '/admin/activity?kind=role-changed',
    '/admin/activity?kind=moderation',
    '/admin/activity?kind=moderation&before=10000',
    '/admin/activity?kind=moderation&username=many',
    '/admin/activity?username=p7',
    '/admin/activity?username=many&kind=role-changed',
    '/admin/people',
    '/admin/people?before=10000',
    '/admin/people?text=p777',
    '/admin/people?text=example+p77&role=User&before=10000',
    '/admin/people?role=Administrator',
    '/admin/people?state=unconfirmed',
    '/admin/people?state=suspended',
    '/admin/people?state=silenced&role=User',
    '/admin/people?state=closed',
    '/admin/people?order=reported',
    '/admin/people/1',
    '/admin/people/1/mails',
    '/admin/people/1/delete',
  ]) {
    await visit(path, () => moderator.get(path));
  }
  for (const path of [
    '/posts/',
    '/posts/?page=400',
    `/posts/?before=${PLACE}`,
    `/tags/common/posts/?before=${PLACE}`,
    '/posts/1/comments/',
    '/comments/?page=3',
    '/bookmarks/',
    '/me',
    '/blocks/',
    '/followed-tags/',
    '/posts/1/likes/',
    '/users/1/followers/?before=10000',
    '/users/1/followed/',
    `/users/by-username/${many.username}`,
    '/users/1/posts/',
    '/search?q=part7',
    '/notifications/?before=10000',
    '/notifications/?unread=true',
    '/images/?before=5000',
  ]) {
    await visit(`API ${path}`, () => program.get(path));
  }
  const timeline = `/users/${few.id}/timeline/?before=${PLACE}`;
  await visit(`API ${timeline}`, () => programOfFew.get(timeline));
  await giveTwoFactor(app, few);
  const comingBack = new Client(app);
  await givePassword(comingBack, few);
  await visit('the second step of a log-in', () => comingBack.get('/auth/login/code'));
  t.ok(plans.length > 0, 'statements were explained');
}

t.test('writing costs the same few statements, however many followers there are', async (t) => {
  const app = await build(t, { DATABASE_URL: await explaining(await createDatabase(t)) });
  const author = await createUser(app, { username: 'author' });
  const reader = await createUser(app, { username: 'reader' });
  const [byAuthor, byReader] = [await signedInClient(app, author), await signedInClient(app, reader)];
  await byAuthor.post('/', { body: 'First' });
  await byReader.post('/post/1', { body: 'First' });
  const plans = collectPlans(app);
  const writings = {
    publishing: () => byAuthor.post('/', { body: 'Hello' }),
    commenting: () => byReader.post('/post/1', { body: 'Hello' }),
    following: () => byReader.post('/follow/author'),
    unfollowing: () => byReader.post('/unfollow/author'),
    liking: () => byReader.post('/like/1'),
    unliking: () => byReader.post('/unlike/1'),
    muting: () => byReader.post('/mute/author'),
    unmuting: () => byReader.post('/unmute/author'),
  };
  const measure = async () => {
    const counts: Record<string, number> = {};
    for (const [name, write] of Object.entries(writings)) {
      plans.length = 0;
      t.equal((await write()).statusCode, 303, name);
      counts[name] = plans.length;
      await byReader.get('/'); // Takes the form's message.
    }
    return counts;
  };
  const alone = await measure();
  await sql`
    insert into users (email, username, password_hash, role, confirmed_at)
    select 'p' || n || '@example.com', 'p' || n, 'none', 'User', now() from generate_series(1, 200) as n
  `.execute(app.db);
  await sql`
    insert into follows (follower_id, followed_id) select id, ${author.id} from users where id <> ${author.id}
    on conflict do nothing
  `.execute(app.db);
  await sql`delete from follows where follower_id = ${reader.id} and followed_id = ${author.id}`.execute(
    app.db,
  );
  t.same(await measure(), alone);
  // Two of them count for the rate limits of the account and IP address, and two are PostgreSQL's own checks of a job.
  for (const [name, count] of Object.entries(alone))
    t.ok(count > 0 && count <= 11, `${name}: ${count} statements`);
});

/** Tables with few rows here, which are cheapest to read as a whole. */
const SMALL_TABLES = / of (?:queue|site_settings)$/;

t.test('writing and deleting read no whole table, not even in triggers', async (t) => {
  const settings = { 'auto_explain.log_nested_statements': 'on' };
  const app = await build(t, {
    DATABASE_URL: await explaining(await createDatabase(t, site.url), settings),
    RATE_LIMITS: 'off',
  });
  const client = await signedInClient(app, site.many);
  const plans = collectPlans(app);
  const writings = {
    publishing: () => client.post('/', { body: 'Hello', tags: 'common' }),
    editing: () => client.post('/edit/7', { body: 'Hello', tags: 'common, new', version: '' }),
    unlisting: () => client.post('/edit/7', { body: 'Hello', tags: 'common', visibility: 'unlisted' }),
    listing: () => client.post('/edit/7', { body: 'Hello', tags: 'common', visibility: 'public' }),
    pinning: () => client.post(`/post/${POSTS}/pin`),
    'following a tag': () => client.post('/tag/new/follow'),
    commenting: () => client.post('/post/7', { body: 'Hello' }),
    'replying to people': () => client.post('/post/7', { body: '@p1 @p2 Hello', parent: '7' }),
    'editing a comment': () => client.post('/comment/7/edit', { body: '@p3 Hello' }),
    'editing a post': () => client.post('/edit/7', { body: '@p4 Hello' }),
    following: () => client.post('/follow/p10001'),
    unfollowing: () => client.post('/unfollow/p10001'),
    liking: () => client.post('/like/7'),
    bookmarking: () => client.post('/bookmark/7'),
    blocking: () => client.post('/block/p10001'),
    unblocking: () => client.post('/unblock/p10001'),
    'deleting a comment': () => client.post('/comment/4/delete'),
    'deleting a post': () => client.post('/post/7/delete'),
  };
  for (const [what, write] of Object.entries(writings)) {
    plans.length = 0;
    t.equal((await write()).statusCode, 303, what);
    t.ok(plans.length > 0);
    for (const { sql, plan } of plans) {
      const faults = faultsOf(plan).filter((fault) => !SMALL_TABLES.test(fault));
      t.same(faults, [], `${what}: ${sql.replaceAll(/\s+/g, ' ').trim()}`);
    }
  }
});

t.test('a request costs the same statements, whether or not the address has an account', async (t) => {
  const app = await build(t, { DATABASE_URL: await explaining(await createDatabase(t)) });
  app.recordFailedLogIn = () => {}; // The answer does not wait for it.
  const [asking] = [await createUser(app), await createUser(app, { username: 'known' })];
  const client = await signedInClient(app, asking);
  let people = 0;
  const requests: Record<string, (email: string) => Promise<unknown>> = {
    'logging in': (email) => new Client(app).post('/auth/login', { email, password: 'a wrong one' }),
    'asking for a reset': (email) => new Client(app).post('/auth/reset', { email }),
    'asking to change the address': (email) =>
      client.post('/auth/change-email', { email, password: PASSWORD }),
    'a password for the API': (email) => new ApiProgram(app, basic(email, 'a wrong one')).get('/posts/'),
    // Last, because it creates accounts with both addresses.
    registering: (email) => {
      people += 1;
      return new Client(app).post('/auth/register', registration({ email, username: `fresh${people}` }));
    },
  };
  const plans = collectPlans(app);
  for (const [what, ask] of Object.entries(requests)) {
    const statementsFor = async (email: string) => {
      plans.length = 0;
      await ask(email);
      return plans.map(({ sql }) => sql);
    };
    const known = await statementsFor('known@example.com');
    t.ok(known.length > 0, what);
    t.same(known, await statementsFor('unknown@example.com'), what);
  }
});
