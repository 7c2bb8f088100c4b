import t from 'tap';
import { markdownRenderer } from '../../src/domain/markdown/renderer.ts';
import { Busy } from '../../src/errors.ts';
import { ApiProgram } from '../support/api.ts';
import { build } from '../support/build.ts';
import { Client, messagesOf } from '../support/client.ts';
import { createUser, signedInClient } from '../support/factories.ts';
import { waitFor } from '../support/wait-for.ts';
import { writePosts } from '../support/writing.ts';

/** Renders to far more HTML than the limit. */
const EXPANDING = `[a]: /b "${'t'.repeat(24_000)}"\n\n${'[a]'.repeat(8_000)}`;

/** Takes many milliseconds but is accepted. */
const SLOW = '#\n'.repeat(25_000);

/** A machine that runs other tests is slow too. */
const PATIENT = { config: { renderTimeoutMs: 60_000 } };

const IMPATIENT = { config: { renderTimeoutMs: 20 } };

t.test('other requests are answered while a text is rendered', async (t) => {
  const app = await build(t, {}, PATIENT);
  const answers: string[] = [];
  const rendering = app.markdown.post(SLOW).then(() => answers.push('text'));
  await app.inject('/health/live').then(() => answers.push('health'));
  await rendering;
  t.same(answers, ['health', 'text']);
});

t.test('a text that becomes too large is refused next to its field, which keeps it', async (t) => {
  const app = await build(t, {}, PATIENT);
  const john = await createUser(app);
  const [postId = 0] = await writePosts(app, john);
  const client = await signedInClient(app, john);
  for (const [path, fields] of [
    ['/', {}],
    ['/', { preview: 'on' }],
    ['/', { tags: '!' }], // Its refusal must not leave the rendering unawaited: failing, it would stop the process.
    [`/post/${postId}`, {}],
    [`/edit/${postId}`, { version: '1' }],
  ] as const) {
    const page = await client.post(path, { ...fields, body: EXPANDING });
    t.equal(page.statusCode, 422, path);
    t.match(page.body, 'This text is too large when rendered. Please simplify it.');
    t.match(page.body, '[a][a][a]');
  }
  t.same(messagesOf(await client.get(`/post/${postId}`)), []);

  const program = await ApiProgram.of(app, john);
  for (const answer of [
    await program.post('/posts/', { body: EXPANDING }, { 'idempotency-key': 'one' }),
    await program.post(`/posts/${postId}/comments/`, { body: EXPANDING }),
    await program.put(`/posts/${postId}`, { body: EXPANDING }),
  ]) {
    t.equal(answer.statusCode, 422);
    t.match(answer.json().message, /^body takes too long to render/);
  }
  const { posts } = (await program.get('/posts/')).json();
  t.equal(posts.length, 1);
  t.equal(posts[0].comment_count, 0);
});

t.test('a text that takes too long is refused, and the next is rendered', async (t) => {
  const app = await build(t, {}, IMPATIENT);
  const john = await createUser(app);
  const client = await signedInClient(app, john);
  const pages = await Promise.all(Array.from({ length: 6 }, () => client.post('/', { body: SLOW })));
  for (const page of pages) {
    t.equal(page.statusCode, 422);
    t.match(page.body, 'This text takes too long to render. Please simplify it.');
  }
  await waitFor(() => app.markdown.post('short').catch(() => false), 'a short text is rendered in time');
});

t.test(
  'a text that takes too much memory is refused, and any other error is reported as it is',
  async (t) => {
    const failing = (code: string) =>
      markdownRenderer(() => Promise.reject(Object.assign(new Error('failed'), { code })), 20);
    await t.rejects(failing('ERR_WORKER_OUT_OF_MEMORY').post('x'), { code: 'unrenderable' });
    await t.rejects(failing('ECONNRESET').post('x'), { message: 'failed', code: 'ECONNRESET' });
  },
);

t.test('when too many texts wait, others are refused', async (t) => {
  const app = await build(t, {}, PATIENT);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 200 }, () => app.markdown.comment('Well said.')),
  );
  const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  t.ok(reasons.length > 0 && reasons.length < 200, `${reasons.length} of 200`);
  t.ok(reasons.every((reason) => reason instanceof Busy));
  t.equal((await app.markdown.comment('Well *said*.')).html, '<p>Well <em>said</em>.</p>');
});

t.test('the texts of one writer wait for each other, and keep nobody else waiting', async (t) => {
  const app = await build(t, {}, PATIENT);
  const [slow, other] = [app.markdown.by(1), app.markdown.by(2)];
  const ended: string[] = [];
  const texts = Array.from({ length: 3 }, () => slow.post(SLOW).then(() => ended.push('slow')));
  await other.post('short').then(() => ended.push('short'));
  t.ok(ended.indexOf('short') < 2, 'one of the two threads is free');
  await Promise.all(texts);

  const waiting = Array.from({ length: 11 }, () => slow.comment('Well said.'));
  await t.rejects(slow.comment('Well said.'), { code: 'busy' });
  await t.resolves(other.comment('Well said.'));
  await Promise.all(waiting);
});

t.test('the database refuses HTML larger than the limit', async (t) => {
  const app = await build(t);
  const john = await createUser(app);
  const html = 'x'.repeat(4 * 50_000 + 65_536);
  const insert = (body_html: string) =>
    app.db.insertInto('posts').values({ author_id: john.id, body: 'x', body_html }).execute();
  await t.resolves(insert(html));
  await t.rejects(insert(`${html}x`), /posts_body_html_check/);
  t.equal((await new Client(app).get('/')).statusCode, 200);
});
