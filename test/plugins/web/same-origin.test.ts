import t from 'tap';
import { build } from '../../support/build.ts';

t.test('requests from another site are refused', async (t) => {
  const app = await build(t);
  const post = async (headers: Record<string, string>) =>
    (await app.inject({ method: 'POST', url: '/auth/login', headers: { host: 'blog.example', ...headers } }))
      .statusCode;

  const refused = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://blog.example' },
    { origin: 'http://evil.example' },
    { origin: 'http://blog.example.evil.example' },
    { origin: 'http://blog.example:8080' },
    { origin: 'null' },
    { origin: 'nonsense' },
  ];
  for (const headers of refused) t.equal(await post(headers), 403, JSON.stringify(headers));

  const accepted = [
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', origin: 'http://proxy.example' },
    { origin: 'http://blog.example' },
    { origin: 'https://blog.example' },
    {},
  ];
  for (const headers of accepted) t.equal(await post(headers), 422, JSON.stringify(headers));
});

t.test('an https site refuses forms from pages loaded over http', async (t) => {
  const app = await build(t, { BASE_URL: 'https://blog.example' });
  const post = async (origin: string) =>
    (await app.inject({ method: 'POST', url: '/auth/login', headers: { host: 'blog.example', origin } }))
      .statusCode;
  t.equal(await post('http://blog.example'), 403);
  t.equal(await post('https://blog.example'), 422);
});

t.test('reading is allowed from anywhere', async (t) => {
  const app = await build(t);
  t.equal((await app.inject({ url: '/', headers: { 'sec-fetch-site': 'cross-site' } })).statusCode, 200);
});
