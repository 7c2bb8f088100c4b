import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib';
import t from 'tap';
import { issueToken } from '../../src/domain/api-tokens/issue.ts';
import { ApiProgram } from '../support/api.ts';
import { build } from '../support/build.ts';
import { createUser } from '../support/factories.ts';
import { writePosts } from '../support/writing.ts';

t.test('API responses are compressed with an encoding that the client accepts', async (t) => {
  const app = await build(t, { CORS_ORIGINS: 'https://other.example' });
  const john = await createUser(app);
  await writePosts(app, john, 20);
  const program = await ApiProgram.of(app, john);
  const origin = { origin: 'https://other.example' };
  const plain = await program.get('/posts/', origin);
  t.equal(plain.headers['content-encoding'], undefined);
  t.match(plain.headers.vary, /accept-encoding/, 'the uncompressed response varies too');
  for (const [encoding, unpack] of [
    ['zstd', zstdDecompressSync],
    ['gzip', gunzipSync],
  ] as const) {
    const { headers, rawPayload } = await program.get('/posts/', { ...origin, 'accept-encoding': encoding });
    t.equal(headers['content-encoding'], encoding);
    t.match(headers.vary, /\borigin\b.*\baccept-encoding\b/i);
    t.equal(headers.etag, plain.headers.etag);
    t.equal(unpack(rawPayload).toString(), plain.body);
    const known = { ...origin, 'accept-encoding': encoding, 'if-none-match': String(headers.etag) };
    t.equal((await program.get('/posts/', known)).statusCode, 304);
  }
});

t.test('a response with a strong ETag always has the same bytes', async (t) => {
  const app = await build(t);
  const john = await createUser(app);
  const [id = 0] = await writePosts(app, john);
  const program = await ApiProgram.of(app, john);
  await program.put(`/posts/${id}`, { body: 'long '.repeat(1_000) });
  const { headers } = await program.get(`/posts/${id}`, { 'accept-encoding': 'zstd' });
  t.match(headers.etag, /^"/);
  t.equal(headers['content-encoding'], undefined);
});

t.test('a compressed request is not decompressed', async (t) => {
  const app = await build(t);
  const john = await createUser(app);
  const authorization = `Bearer ${await issueToken(app.db, john)}`;
  const response = await app.inject({
    method: 'POST',
    url: '/api/v1/posts/',
    headers: { authorization, 'content-type': 'application/json', 'content-encoding': 'gzip' },
    payload: gzipSync(JSON.stringify({ body: 'Hello' })),
  });
  t.equal(response.statusCode, 400);
});
