import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { block } from '../../../src/domain/blocks/block.ts';
import { publishComment, setCommentDisabled } from '../../../src/domain/comments/write.ts';
import { publishPost, setPostDisabled, updatePost } from '../../../src/domain/posts/write.ts';
import { MAX_RANKED } from '../../../src/domain/search/candidates.ts';
import { parseSearch } from '../../../src/domain/search/parse.ts';
import { search } from '../../../src/domain/search/search.ts';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { codePoint } from '../../support/code-point.ts';
import { createUser, signedInClient, type TestUser } from '../../support/factories.ts';
import { withLimits } from '../../support/limits.ts';

const app = await build(t, { RATE_LIMITS: 'off' });
const visitor = new Client(app);
const anna = await createUser(app, { username: 'anna' });
const ben = await createUser(app, { username: 'ben' });

async function write(
  { db, queue, markdown }: FastifyInstance,
  { id }: TestUser,
  body: string,
): Promise<number> {
  return (await publishPost({ db, queue }, id, await markdown.post(body))).id;
}

async function comment({ id: authorId }: TestUser, postId: number, body: string): Promise<number> {
  const { db, queue, markdown } = app;
  await publishComment({ db, queue }, { postId, authorId, text: await markdown.comment(body) });
  const newest = await db.selectFrom('comments').select('id').orderBy('id', 'desc').executeTakeFirstOrThrow();
  return newest.id;
}

function urlOf(q: string, more: Record<string, string> = {}): string {
  return `/search?${new URLSearchParams({ q, ...more })}`;
}

/** What a page of results links to, in order. */
async function found(q: string, type = 'posts', client = visitor): Promise<string[]> {
  const page = await client.get(urlOf(q, { type }));
  if (page.statusCode !== 200) throw new Error(`${q}: ${page.statusCode}`);
  const pattern =
    type === 'people' ? /<div>\n<a href="\/user\/([\w.]+)">/g : /<a href="\/\w+\/(\d+)[^"]*">Read/g;
  return [...page.body.matchAll(pattern)].map(([, name = '']) => name);
}

t.test('dates narrow a search', async (t) => {
  const old = await write(app, anna, 'dated walrus');
  await sql`update posts set created_at = '2020-05-05T12:00:00Z' where id = ${old}`.execute(app.db);
  const next = await write(app, anna, 'a third walrus');
  await sql`update posts set created_at = '2020-05-07T12:00:00Z' where id = ${next}`.execute(app.db);
  const young = await write(app, anna, 'another walrus');
  t.same(await found('walrus before:2020-05-05'), []);
  t.same(await found('walrus before:2020-05-06'), [String(old)]);
  t.same(await found('walrus after:2020-05-08'), [String(young)]);
  t.same(await found('after:2020-05-05'), [young, next, old].map(String));
  const first = await comment(ben, old, 'the comment on a walrus');
  await sql`update comments set created_at = '2020-05-05T12:00:00Z' where id = ${first}`.execute(app.db);
  const second = await comment(ben, old, 'another comment on a walrus');
  t.same(await found('walrus before:2020-05-06', 'comments'), [String(first)]);
  t.same(await found('walrus after:2020-05-06', 'comments'), [String(second)]);
  t.equal((await found('walrus after:2020-05-05', 'comments')).length, 2);
});

t.test('words, phrases, alternatives and exclusions find posts', async (t) => {
  const owl = String(await write(app, anna, 'A **snowy** owl flew over the quiet village'));
  const fox = String(await write(app, ben, 'A quiet fox, and a café in the village of owls & <b>dreams</b>'));
  t.same((await found('owls')).toSorted(), [owl, fox], 'other forms of a word');
  t.same(await found('"snowy owl"'), [owl], 'across markup');
  t.same(await found('"owl snowy"'), []);
  t.same(await found('village -fox'), [owl]);
  t.same((await found('snowy OR fox')).toSorted(), [owl, fox]);
  t.same(await found('cafe'), [fox], 'without accents');
  t.same(await found('CAFÉ from:BEN'), [fox]);
  t.same(await found('quiet from:anna'), [owl]);
  t.same((await found('from:ben')).toSorted(), [fox], 'a filter alone');
  t.same(await found('strong'), [], 'markup is no text');
  await sql`update users set post_count = post_count + 5000 where id = ${anna.id}`.execute(app.db);
  t.same(await found('quiet from:anna'), [owl], 'somebody with too many posts to scan');

  const page = await visitor.get(urlOf('"snowy owl" OR cafés'));
  t.match(page.body, 'A <mark>snowy</mark> <mark>owl</mark> flew');
  t.match(page.body, '<mark>café</mark> in the village of <mark>owls</mark> &amp; dreams');
  t.match(page.body, '2 matches.');
  t.match(page.body, '<meta name="robots" content="noindex">');
});

t.test('titles and tags are searched, and a title weighs more', async (t) => {
  const publish = async (title: string, body: string) =>
    String(
      (
        await publishPost(app, anna.id, {
          ...(await app.markdown.post(body)),
          title,
          addedTags: ['insects'],
        })
      ).id,
    );
  const titled = await publish('Beetles', 'On small animals #forest');
  const other = await publish('Ants', 'On small animals, such as beetles');
  t.same(await found('beetle'), [titled, other]);
  t.same(await found('beetle tag:forest'), [titled]);
  t.same((await found('tag:#Insects')).toSorted(), [titled, other]);
  t.same(await found('insects tag:insects from:ben'), []);
  const commentId = await comment(ben, Number(titled), 'Beetles are everywhere');
  t.same(await found('beetles tag:forest', 'comments'), [String(commentId)]);
  t.same(await found('beetles tag:sea', 'comments'), []);
  t.match((await visitor.get(urlOf('beetle'))).body, `<a href="/post/${titled}/beetles">Beetles</a>`);
});

t.test('an edited post is found only by its new words', async (t) => {
  const id = await write(app, anna, 'before editing it said zebra');
  await updatePost(app, id, await app.markdown.post('now it says giraffe'), undefined);
  t.same(await found('zebra'), []);
  t.same(await found('giraffe'), [String(id)]);
  await app.db.deleteFrom('posts').where('id', '=', id).execute();
  t.same(await found('giraffe'), []);
});

t.test('texts that a reader cannot or does not want to see are neither found nor counted', async (t) => {
  const reader = await createUser(app, { username: 'reader' });
  const client = await signedInClient(app, reader);
  const nobody = async (what: string, asked = visitor) => {
    for (const type of ['posts', 'comments']) {
      const page = await asked.get(urlOf('pangolin', { type }));
      t.match(page.body, 'Nothing found.', `${what}, ${type}`);
      t.notMatch(page.body, /pangolins/);
    }
  };
  const postId = await write(app, ben, 'On pangolins');
  const commentId = await comment(anna, postId, 'I like pangolins');
  t.same(await found('pangolin'), [String(postId)]);
  t.same(await found('pangolin', 'comments'), [String(commentId)]);

  await setPostDisabled(app.db, postId, true);
  await nobody('a hidden post with its comments');
  await setPostDisabled(app.db, postId, false);
  await setCommentDisabled(app.db, commentId, true);
  t.same(await found('pangolin', 'comments'), []);
  await setCommentDisabled(app.db, commentId, false);

  for (const [what, change] of Object.entries({
    suspended: { suspended_until: new Date('9999-01-01') },
    'about to be erased': { suspended_until: null, deletion_due_at: new Date('2030-01-01') },
  })) {
    await app.db.updateTable('users').set(change).where('username', 'in', ['anna', 'ben']).execute();
    await nobody(what);
    t.same(await found('anna', 'people'), [], what);
  }
  await app.db.updateTable('users').set({ suspended_until: null, deletion_due_at: null }).execute();

  await block(app.db, { blockerId: reader.id, blockedId: anna.id }, 'mute');
  await block(app.db, { blockerId: reader.id, blockedId: ben.id }, 'block');
  await nobody('muted and blocked', client);
  t.same(await found('anna', 'people', client), []);
  t.same(await found('anna', 'people'), ['anna']);
});

t.test('people are found by the beginnings of their names, but never by their address', async (t) => {
  await app.db
    .updateTable('users')
    .set({ name: 'Änne O’Hara-Lund', email: 'secret@hidden.example' })
    .where('id', '=', anna.id)
    .execute();
  await createUser(app, { username: 'annabel' });
  await createUser(app, { username: 'annunconfirmed', isConfirmed: false });
  t.same(await found('ann', 'people'), ['anna', 'annabel']);
  await sql`update users set follower_count = 5 where username = 'annabel'`.execute(app.db);
  t.same(await found('ann', 'people'), ['annabel', 'anna'], 'those with the most followers first');
  t.same(await found('@ANNA', 'people'), ['anna', 'annabel'], 'after whoever has exactly this name');
  t.same(await found('@Annabel', 'people'), ['annabel']);
  t.same(await found('hara anne', 'people'), ['anna']);
  for (const text of ['secret', 'hidden', 'example', '...', ':*', "'", '&|!', '🦉'])
    t.same(await found(text, 'people'), [], text);
  t.same(await found('ann ann ann ann ann annab b c d', 'people'), [], 'different words count');
  t.same(await found('x an ann annab annabe annabel', 'people'), ['annabel'], 'the longest five');
  const crowd = async (first: number, last: number) => {
    await sql`
      insert into users (email, username, password_hash, role, confirmed_at)
      select n || '@example.com', 'crowd' || n, '', 'User', now() from generate_series(${first}::int, ${last}::int) as n
    `.execute(app.db);
    return (await visitor.get(urlOf('crowd', { type: 'people' }))).body;
  };
  t.match(await crowd(1, 500), '500 matches.');
  t.match(await crowd(501, 501), 'More than 500 people.');
});

t.test('a text without spaces is indexed in time', async (t) => {
  const text = await app.markdown.post(`Jackdaw ${'a_'.repeat(24_000)}`);
  const { id } = await app.db.transaction().execute(async (trx) => {
    await sql`set local statement_timeout = '5s'`.execute(trx); // As long as a page has; the tests' is longer.
    return publishPost({ db: trx, queue: app.queue }, anna.id, text);
  });
  t.same(await found('jackdaw'), [String(id)]);
});

t.test('a search that finds nothing says why', async (t) => {
  const faultOf = async (q: string) => {
    const page = await visitor.get(urlOf(q));
    t.equal(page.statusCode, 422);
    return errorsOf(page).q;
  };
  t.equal(await faultOf('the and of'), 'These words are in almost every text. Add a rarer one.');
  t.match(await faultOf('from:nobody'), 'Nobody here is called nobody.');
  t.equal(await faultOf('x'.repeat(201)), 'Enter at most 200 characters.');
  t.match(await faultOf('before:soon'), /^Enter a date after/);
  t.equal((await visitor.get(urlOf('owl', { page: '20' }))).statusCode, 404);
  t.equal((await visitor.get(urlOf('owl', { page: '99999999999999999999' }))).statusCode, 404);
  for (const url of ['/search', '/search?q=', '/search?q=a&q=b', urlOf('owl', { type: 'x', page: 'y' })])
    t.equal((await visitor.get(url)).statusCode, 200, url);
});

t.test('a word in more texts than can be ranked finds the newest', async (t) => {
  const { id } = await createUser(app, { username: 'prolific' });
  await sql`
    insert into posts (author_id, body, body_html)
    select ${id}::int, 'x', '<p>capybara ' || n || '</p>' from generate_series(1, ${MAX_RANKED + 50}::int) as n
  `.execute(app.db);
  const page = await visitor.get(urlOf('capybara'));
  t.match(page.body, `The newest ${MAX_RANKED} matches, best first.`);
  t.match(page.body, '<a rel="next" href="/search?q=capybara&amp;page=2">Next</a>');
  t.equal((await found('"capybara 3"')).length, 1, 'older, but with a rarer word');
  t.equal((await found('"capybara 151" OR "capybara 150"')).length, 1);
  t.equal((await visitor.get(urlOf('capybara', { page: '5' }))).statusCode, 200);
});

t.test('no search text causes an error', async () => {
  const text = fc.oneof(
    fc.string({ unit: codePoint, maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(
          ...['"', '-', 'or', 'from:x', 'owl', '<->', ':*', '&', '|', '!', '\\', "'", '(', ')', '🦉', 'שלום'],
          ...[
            '\u202E',
            'the',
            'after:2026-01-01',
            'http://a.b/c?d',
            'a@b.co',
            '%',
            '<b>',
            '\uE000',
            '\uE001',
          ],
        ),
        { maxLength: 20 },
      )
      .map((words) => words.join(' ')),
  );
  await fc.assert(
    fc.asyncProperty(text, fc.constantFrom('posts', 'comments', 'people'), async (text, kind) => {
      const page = { number: 1, size: 5 };
      const result = await search(app.db, { text, kind, readerId: undefined, page });
      return 'fault' in result || ('search' in parseSearch(text) && result.page.total >= 0);
    }),
    { numRuns: 60 },
  );
});

t.test('the API finds the same results', async (t) => {
  const program = await ApiProgram.of(app, ben);
  const response = await program.get('/search?q=snowy');
  t.match(response.json(), {
    results: [{ username: 'anna', excerpt: 'A snowy owl flew over the quiet village' }],
    prev: null,
    next: null,
    count: 1,
  });
  const people = await program.get('/search?q=annab&type=people');
  t.same(
    people.json().results.map(({ username }: { username: string }) => username),
    ['annabel'],
  );
  const first = await program.get('/search?q=capybara');
  const paged = first.json();
  t.match(first.headers.link, '</api/v1/search?q=capybara&type=posts&page=2>; rel="next"');
  t.equal(paged.next, '/api/v1/search?q=capybara&type=posts&page=2');
  t.equal(
    (await program.send({ method: 'GET', url: paged.next })).json().prev,
    '/api/v1/search?q=capybara&type=posts&page=1',
  );
  for (const query of ['', 'q=', 'q=%00', 'q=x&type=all', 'q=x&page=0', 'q=the', `q=${'x'.repeat(201)}`]) {
    const refused = await program.get(`/search?${query}`);
    t.equal(refused.statusCode, 400, query);
    t.match(
      refused.json().message,
      /^(?:q|type|page|request) /.test(refused.json().message) ? /./ : /^q: /,
      query,
    );
  }
});

t.test('a search that takes too long says so', async (t) => {
  const { deadlines } = app.config;
  const impatient = await build(
    t,
    { DATABASE_URL: app.config.databaseUrl, RATE_LIMITS: 'off' },
    { config: { deadlines: { ...deadlines, statementMs: 300 } } },
  );
  const client = new Client(impatient);
  await app.db.transaction().execute(async (trx) => {
    await sql`lock table post_words in access exclusive mode`.execute(trx);
    const page = await client.get(urlOf('owl'));
    t.equal(page.statusCode, 503);
    t.equal(errorsOf(page).q, 'This search took too long. Try rarer words, or fewer of them.');
  });
});

t.test('searches are limited per client, and newcomers have the same limit', async (t) => {
  const limited = await build(t, {}, withLimits({ search: 3 }));
  const john = await createUser(limited, { isNew: true });
  const client = await signedInClient(limited, john);
  for (let number = 1; number <= 3; number += 1) t.equal((await client.get(urlOf('owl'))).statusCode, 200);
  t.equal((await client.get(urlOf('owl'))).statusCode, 429);
  t.equal((await new Client(limited).get(urlOf('owl'))).statusCode, 200, 'a visitor counts by address');
});
