import t from 'tap';
import { publishComment } from '../../src/domain/comments/write.ts';
import { publishPost } from '../../src/domain/posts/write.ts';
import { search } from '../../src/domain/search/search.ts';
import { changeSettings } from '../../src/domain/site/settings.ts';
import { indexTextsQueue } from '../../src/queues.ts';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { assertEnqueued, drain } from '../support/jobs.ts';

t.test('after a change of language, texts are found by the word forms of the new one', async (t) => {
  const app = await build(t);
  const { db, queue, markdown } = app;
  const { id: authorId } = await createUser(app);
  const post = await publishPost(app, authorId, await markdown.post('Zwei alte Häuser am Fluss'));
  const text = await markdown.comment('Die Häuser sind schön');
  await publishComment({ db, queue }, { postId: post.id, authorId, text });
  const page = { number: 1, size: 10 };
  const found = async (kind: 'posts' | 'comments') => {
    const result = await search(db, { text: 'Haus', kind, readerId: undefined, page });
    return 'fault' in result ? result.fault : result.page.total;
  };
  t.equal(await found('posts'), 0);

  await changeSettings(app, { language: 'de-AT', tagline: 'Servus' });
  await changeSettings(app, { language: 'de-AT' });
  await assertEnqueued(t, app, indexTextsQueue, [{}]);
  await drain(app);
  t.equal(await found('posts'), 1);
  t.equal(await found('comments'), 1);
  await publishPost(app, authorId, await markdown.post('Noch mehr Häuser'));
  t.equal(await found('posts'), 2, 'a new post has them at once');
});
