import Fastify from 'fastify';
import t from 'tap';
import conditionalGet from '../../src/plugins/conditional-get.ts';

t.test('texts in any alphabet arrive whole, and half a surrogate pair as U+FFFD', async (t) => {
  const app = Fastify();
  t.teardown(() => app.close());
  app.decorateRequest('rendering', undefined);
  await app.register(conditionalGet);
  const texts = { '/latin': 'café', '/beyond': '’日本語👍', '/cut': 'cut 👍'.slice(0, 5), '/empty': '' };
  for (const [path, text] of Object.entries(texts)) app.get(path, () => text);
  for (const [path, text] of Object.entries(texts)) {
    const { body, headers } = await app.inject(path);
    t.equal(body, text.toWellFormed());
    t.match(headers.etag, /^W\//);
  }
});
