import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { maskPassword } from '../src/environment-reader.ts';
import { ConfigError } from '../src/errors.ts';

function problemsOf(env: Record<string, string>, required: string[] = []): readonly string[] {
  try {
    loadConfig(env, { required });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
}

t.test('an empty environment gives frozen defaults', async (t) => {
  const config = loadConfig({});
  t.match(config, {
    host: '127.0.0.1',
    port: 3000,
    baseUrl: 'http://localhost:3000',
    trustProxy: false,
    logLevel: 'info',
    pageCache: { maxAgeMs: 2_000 },
    passwordHashing: { memoryKiB: 19_456, passes: 2 },
  });
  t.equal(config.databaseUrl, undefined);
  for (const [name, value] of Object.entries({ config, ...config })) t.ok(Object.isFrozen(value), name);
});

t.test('BASE_URL follows PORT and loses a trailing slash', async (t) => {
  t.equal(loadConfig({ PORT: '8080' }).baseUrl, 'http://localhost:8080');
  t.equal(loadConfig({ BASE_URL: 'https://blog.example/' }).baseUrl, 'https://blog.example');
});

t.test('all invalid variables are reported at once, with their values and what is accepted', async (t) => {
  const lines = problemsOf({
    PORT: 'abc',
    SMTP_URL: 'nonsense',
    LOG_LEVEL: 'loud',
    TRUST_PROXY: 'perhaps',
    MAIL_FROM: 'x',
    BASE_URL: 'https://example.com/blog',
  });
  t.equal(lines.length, 6);
  for (const line of [
    'PORT: "abc" is not accepted; give a whole number from 0 to 65535',
    'SMTP_URL: "nonsense" is not accepted; give a URL that begins with smtp:// or smtps://',
    'BASE_URL: "https://example.com/blog" is not accepted; give a URL that begins with http:// or https:// and has no path',
    'LOG_LEVEL: "loud" is not accepted; give fatal, error, warn, info, debug, trace, silent',
  ]) {
    t.ok(lines.includes(line), line);
  }
});

t.test('every mistake about signing and bounces is reported, with the reason', async (t) => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
  const folder = t.testdir({
    'short.pem': short.export({ type: 'pkcs8', format: 'pem' }),
    'text.pem': 'not a key',
  });
  const mistakes = { DKIM_SELECTOR: 'a.b', MAIL_RETURN_PATH: 'bounces+x@blog.example' };
  for (const [file, reason] of [
    ['short.pem', ''],
    ['text.pem', '.*DECODER'],
    ['gone.pem', '.*ENOENT'],
  ]) {
    const DKIM_PRIVATE_KEY_FILE = join(folder, file ?? '');
    t.match(problemsOf({ ...mistakes, DKIM_PRIVATE_KEY_FILE }), [
      new RegExp(`^DKIM_PRIVATE_KEY_FILE: ".*${file}" .* RSA key of at least 2048 bits${reason}`),
      /^DKIM_SELECTOR: "a\.b" is not accepted/,
      /^MAIL_RETURN_PATH: "bounces\+x@blog\.example" is not accepted; give an address with at most 21/,
    ]);
  }
});

t.test('numbers must be integers within their range', async (t) => {
  for (const PORT of ['-1', '65536', '3.5', '1e3', '0x10', '3000 ']) {
    t.equal(problemsOf({ PORT }).length, PORT === '3000 ' ? 0 : 1, PORT);
  }
});

t.test('a missing or empty variable is reported if the command needs it', async (t) => {
  t.match(problemsOf({}, ['DATABASE_URL']), [/^DATABASE_URL: not set/]);
  t.match(problemsOf({ DATABASE_URL: ' ' }, ['DATABASE_URL']), [/^DATABASE_URL: not set/]);
});

t.test(
  'a database may have several hosts, and a direct URL only beside one that leads through a pooler',
  async (t) => {
    const url = 'postgres://user:pass@a,b:5433,[::1]/db?target_session_attrs=read-write';
    t.equal(loadConfig({ DATABASE_URL: url }).databaseUrl, url);
    t.match(problemsOf({ DATABASE_URL: 'postgres://user:secret@a,b:port/db' }), [/user:\*\*\*@a,b:port/]);
    t.match(problemsOf({ DATABASE_DIRECT_URL: url }), [/^DATABASE_URL: not set/]);
  },
);

t.test('passwords are masked in error messages', async (t) => {
  t.match(problemsOf({ DATABASE_URL: 'mysql://user:secret@host/db' }), [/"mysql:\/\/user:\*\*\*@host\/db"/]);
  for (const text of [
    'smtp://user:secret@host:587',
    'user:secret@host',
    'smtp://user:se/cr:et@host',
    'x://u:secret@p@host',
  ]) {
    t.notMatch(maskPassword(text), /secret|cr:et/, text);
  }
  t.equal(maskPassword('smtp://host:587'), 'smtp://host:587');
});

t.test('ACCOUNT_LIMITS changes the named limits, tenfold for IP addresses', async (t) => {
  const { rateLimits } = loadConfig({ ACCOUNT_LIMITS: 'post=30/hour, export=1/day,' });
  t.same(rateLimits.post, {
    account: { points: 30, seconds: 3600 },
    address: { points: 300, seconds: 3600 },
  });
  t.same(rateLimits.export.account, { points: 1, seconds: 86_400 });
  t.same(rateLimits.comment, loadConfig({}).rateLimits.comment);
  for (const ACCOUNT_LIMITS of [
    'many',
    'post',
    'post=0/hour',
    'post=5/year',
    'posts=5/hour',
    'toString=5/hour',
  ]) {
    t.match(problemsOf({ ACCOUNT_LIMITS }), [
      /^ACCOUNT_LIMITS: .* limits as in "post=30\/hour, export=1\/day"; .*post, /,
    ]);
  }
});

t.test('TRUST_PROXY accepts a hop count, addresses, true or false', async (t) => {
  const { trustProxy } = loadConfig({ TRUST_PROXY: '1' });
  t.ok(typeof trustProxy === 'function' && trustProxy('10.0.0.1', 0) && !trustProxy('10.0.0.1', 1));
  t.same(loadConfig({ TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy, ['10.0.0.0/8', '::1']);
  t.equal(loadConfig({ TRUST_PROXY: 'true' }).trustProxy, true);
});
