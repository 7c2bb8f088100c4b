import t from 'tap';
import { build } from '../support/build.ts';
import { Client } from '../support/client.ts';
import { captureLog } from '../support/log.ts';

const GARBAGE = ['garbage', '1.2.3.4:5678', '[::1]:80', '', ' ', ',', '127.1', 'x'.repeat(10_000), 'a, b, c'];

t.test('the client always has an IP address, whatever X-Forwarded-For says', async (t) => {
  for (const TRUST_PROXY of ['true', '2', '127.0.0.1']) {
    const app = await build(t, { TRUST_PROXY });
    for (const header of GARBAGE) {
      const client = new Client(app, { headers: { 'x-forwarded-for': header } });
      const fields = { email: `${GARBAGE.indexOf(header)}@example.com`, password: 'guess' };
      t.equal(
        (await client.post('/auth/login', fields)).statusCode,
        422,
        `${TRUST_PROXY}: ${header.slice(0, 20)}`,
      );
      t.equal((await client.get('/metrics')).statusCode, 403, 'a proxy passed it on');
    }
    const { rows } = await app.pool.query("select key from rate_limits where key like 'login-address:%'");
    t.same(rows, [{ key: 'login-address:127.0.0.1' }], 'the proxy itself');
  }
});

t.test('starting with TRUST_PROXY=true logs a warning', async (t) => {
  for (const [TRUST_PROXY, isWarned] of [
    ['true', true],
    ['1', false],
  ] as const) {
    const { logger, text } = captureLog();
    await build(t, { TRUST_PROXY }, { logger });
    t.equal(text().includes('TRUST_PROXY is true'), isWarned);
  }
});
