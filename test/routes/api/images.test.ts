import t from 'tap';
import { ApiProgram } from '../../support/api.ts';
import { build } from '../../support/build.ts';
import { createUser } from '../../support/factories.ts';
import { plainImage } from '../../support/images.ts';

t.test('a program uploads an image, shows it in a post and deletes it', async (t) => {
  const app = await build(t, { RATE_LIMITS: 'off', IMAGE_QUOTA_MB: '1' });
  const john = await createUser(app);
  const program = await ApiProgram.of(app, john);
  const other = await ApiProgram.of(app, await createUser(app, { username: 'susan' }));
  const send = (payload: Buffer, headers: Record<string, string> = {}, alt = '?alt=A+cat') =>
    program.send({
      method: 'POST',
      url: `/images/${alt}`,
      payload,
      headers: { 'content-type': 'image/png', ...headers },
    });
  const png = await plainImage();

  const created = await send(png, { 'idempotency-key': 'cat' });
  t.equal(created.statusCode, 201);
  const { url, markdown } = created.json();
  t.match(created.json(), {
    alt_text: 'A cat',
    width: 40,
    height: 30,
    markdown: /^!\[A cat\]\(\/images\/[\w-]{22}\)$/,
  });
  t.equal(created.headers.location, url);
  const repeated = await send(png, { 'idempotency-key': 'cat' });
  t.equal(repeated.json().url, url);
  t.equal(repeated.headers['idempotency-replayed'], 'true');
  t.equal((await send(await plainImage(9), { 'idempotency-key': 'cat' })).statusCode, 422);
  t.match((await program.post('/posts/', { body: markdown })).json(), { body_html: /<img src="\/images\// });
  t.notMatch((await other.post('/posts/', { body: markdown })).json(), { body_html: /<img src="\/images\// });

  t.match((await program.get('/images/')).json(), { images: [{ url }], count: 1, prev: null, next: null });
  t.match((await program.get(url)).json(), { url });
  t.match((await other.get('/images/')).json(), { count: 0 });
  t.equal((await other.get(url)).statusCode, 404);
  t.equal((await other.delete(url)).statusCode, 404);

  t.equal((await send(png, {}, '')).statusCode, 400, 'without an alternative text');
  t.equal((await send(png, {}, '?alt=')).statusCode, 201, 'decorative');
  t.match((await send(Buffer.from('hello'))).json(), { message: /could not be read/ });
  t.equal((await send(png, { 'content-type': 'application/json' })).statusCode, 415);
  const big = await send(Buffer.alloc(10 * 2 ** 20 + 1));
  t.equal(big.statusCode, 422);
  t.match(big.json(), { message: /at most 10 MB/ });
  const padded = Buffer.concat([png, Buffer.alloc(2 ** 20)]);
  t.match(await send(padded), { statusCode: 409 });

  t.equal((await program.delete(url)).statusCode, 204);
  t.equal((await program.get(url)).statusCode, 404);
});
