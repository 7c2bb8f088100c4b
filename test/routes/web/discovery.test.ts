import t from 'tap';
import { loadConfig } from '../../../src/config.ts';
import { build } from '../../support/build.ts';

const PATH = '/.well-known/security.txt';

t.test('SECURITY_CONTACT is published as RFC 9116 specifies', async (t) => {
  for (const SECURITY_CONTACT of ['mailto:security@blog.example', 'https://blog.example/report']) {
    const app = await build(t, { SECURITY_CONTACT, BASE_URL: 'https://blog.example' });
    const { headers, body } = await app.inject(PATH);
    t.equal(headers['content-type'], 'text/plain; charset=utf-8');
    const fields = Object.fromEntries(
      body
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/: (.*)/s)),
    );
    const { Expires: expires, ...others } = fields;
    t.same(others, {
      Contact: SECURITY_CONTACT,
      'Preferred-Languages': 'en',
      Canonical: `https://blog.example${PATH}`,
    });
    const days = (Date.parse(expires) - Date.now()) / (24 * 60 * 60 * 1000);
    t.ok(days > 30 && days < 365, expires);
  }
});

t.test('without SECURITY_CONTACT there is no such file, and it must be a URL', async (t) => {
  const app = await build(t);
  t.equal((await app.inject(PATH)).statusCode, 404);
  for (const SECURITY_CONTACT of [
    'security@blog.example',
    'http://blog.example',
    'mailto:a@b\nExpires: never',
  ])
    t.throws(() => loadConfig({ SECURITY_CONTACT }), { message: /^SECURITY_CONTACT: / });
});
