import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import t from 'tap';
import { enqueueRendering, renderOldTexts } from '../../src/domain/markdown/render-again.ts';
import { type Markdown, RENDERER } from '../../src/domain/markdown/text.ts';
import { updatePost } from '../../src/domain/posts/write.ts';
import { Busy } from '../../src/errors.ts';
import { renderTextsQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { assertEnqueued, drain } from '../support/jobs.ts';
import { writeComments, writePosts } from '../support/writing.ts';

const { signal } = new AbortController();

/** Texts as an older release has left them. */
async function writeOldTexts(app: FastifyInstance) {
  const john = await createUser(app);
  const postIds = await writePosts(app, john, 3);
  await writeComments(app, john, postIds[0] ?? 0, 2);
  for (const table of ['posts', 'comments'] as const)
    await app.db
      .updateTable(table)
      .set({ body_html: 'old', renderer: RENDERER - 1 })
      .execute();
  return postIds;
}

function textsIn({ db }: FastifyInstance, table: 'posts' | 'comments') {
  return db.selectFrom(table).select(['body_html', 'renderer']).orderBy('id').execute();
}

const rendered = (body: string) => ({ body_html: `<p>${body}</p>`, renderer: RENDERER });
const old = { body_html: 'old', renderer: RENDERER - 1 };

t.test('when the renderer has changed, a job renders all texts again', async (t) => {
  const app = await build(t);
  await enqueueRendering(app);
  await assertEnqueued(t, app, renderTextsQueue, []);
  await writeOldTexts(app);
  await enqueueRendering(app);
  await enqueueRendering(app);
  await assertEnqueued(t, app, renderTextsQueue, [{}]);
  await drain(app);
  t.same(await textsIn(app, 'posts'), ['Post 1', 'Post 2', 'Post 3'].map(rendered));
  t.same(await textsIn(app, 'comments'), ['Comment 1', 'Comment 2'].map(rendered));
  await assertEnqueued(t, app, renderTextsQueue, []);
});

t.test(
  'a concurrent edit wins, a text that cannot be rendered is kept, and mentions survive a renaming',
  async (t) => {
    const app = await build(t);
    const [edited = 0, costly = 0, last = 0] = await writeOldTexts(app);
    const markdown: Markdown = {
      ...app.markdown,
      async post(body, people) {
        if (body === 'Post 1') await updatePost(app, edited, await app.markdown.post('Edited'), undefined);
        return app.markdown.post(body, people);
      },
      async comment(body, people) {
        // As if a process of the older release had just written it.
        await app.db.updateTable('posts').set(old).where('id', '=', last).execute();
        return app.markdown.comment(body, people);
      },
    };
    const body = `[a]: /b "${'t'.repeat(24_000)}"\n\n${'[a]'.repeat(8_000)}`;
    await app.db.updateTable('posts').set({ body }).where('id', '=', costly).execute();
    await app.db.updateTable('comments').set({ body: '# Hi @john' }).execute();
    await app.db.updateTable('comments').set({ body }).where('id', '=', 2).execute();
    await app.db
      .insertInto('mentions')
      .columns(['user_id', 'comment_id', 'name'])
      .expression((from) =>
        from.selectFrom('comments').select(['author_id', 'id', sql.lit('john').as('name')]),
      )
      .execute();
    await app.db.updateTable('users').set({ username: 'renamed' }).execute();
    await renderOldTexts({ db: app.db, queue: app.queue, markdown }, { signal });
    t.same(await textsIn(app, 'posts'), [rendered('Edited'), { ...old, renderer: RENDERER }, old]);
    await assertEnqueued(t, app, renderTextsQueue, [{}]);
    const mention = rendered('# Hi <a class="mention" href="/user/by-id/1">@john</a>');
    t.same(await textsIn(app, 'comments'), [mention, { ...old, renderer: RENDERER }]);
  },
);

t.test('a post that is rendered again keeps its title and the tags that were added', async (t) => {
  const app = await build(t);
  const [id = 0] = await writeOldTexts(app);
  const body = `On #tea.\n\n${'More of it. '.repeat(200)}`;
  await app.db
    .updateTable('posts')
    .set({ body, title: 'Tea', tags: ['bread', 'milk'], added_tags: ['bread', 'tea'] })
    .where('id', '=', id)
    .execute();
  await enqueueRendering(app);
  await drain(app);
  const posts = app.db.selectFrom('posts').select(['title', 'tags', 'added_tags', 'excerpt_html']);
  t.match(await posts.where('id', '=', id).executeTakeFirst(), {
    title: 'Tea',
    tags: ['bread', 'tea'],
    added_tags: ['bread'],
    excerpt_html: /^<p>On <a class="tag" href="\/tag\/tea">/,
  });
});

t.test('a job that fails or stops leaves the rest to the next one', async (t) => {
  const app = await build(t);
  await writeOldTexts(app);
  const post = () => Promise.reject(new Busy());
  await t.rejects(renderOldTexts({ ...app, markdown: { ...app.markdown, post } }, { signal }), new Busy());
  t.same(await textsIn(app, 'posts'), [old, old, old]);
  const stop = new AbortController();
  const markdown: Markdown = {
    ...app.markdown,
    post(body) {
      stop.abort();
      return app.markdown.post(body);
    },
  };
  const dependencies = { db: app.db, queue: app.queue, markdown };
  await t.rejects(renderOldTexts(dependencies, stop), { name: 'AbortError' });
  const posts = await textsIn(app, 'posts');
  t.equal(posts.filter(({ renderer }) => renderer === RENDERER).length, 1);
  await renderOldTexts({ ...dependencies, markdown: app.markdown }, { signal });
  t.same(await textsIn(app, 'comments'), ['Comment 1', 'Comment 2'].map(rendered));
});
