import t from 'tap';
import { redact, redactText } from '../../src/queue/redact.ts';

t.test('secrets are redacted in payloads, but ids of secret things are not', async (t) => {
  const payload = {
    passwordResetId: 7,
    address: null,
    apikey: 'x',
    userIdToken: 'x',
    to: [{ password: { deep: 1 }, url: 'smtp://user:hunter2@mail.example' }],
    at: new Date(0),
  };
  t.strictSame(redact(payload), {
    passwordResetId: 7,
    address: null,
    apikey: '[redacted]',
    userIdToken: '[redacted]',
    to: [{ password: '[redacted]', url: 'smtp://user:[redacted]@mail.example' }],
    at: new Date(0),
  });
});

t.test('secrets are redacted in errors', async (t) => {
  const token = '-_qJ0x8w2ZbT7uVn4LpR6sKd9mXc1yHf3gA5eEiOoUuYt';
  for (const [text, expected] of [
    ['login failed: password=hunter2, user=bob', 'login failed: password=[redacted], user=bob'],
    ['{"client_secret": "a b", "id": 1}', '{"client_secret": "[redacted]", "id": 1}'],
    ["{ passwd: 'a b', apikey = 'c d' }", `{ passwd: '[redacted]', apikey = '[redacted]' }`],
    [String.raw`{"token":"a\"b c","id":"d"}`, '{"token":"[redacted]","id":"d"}'],
    ['token="a b', 'token=[redacted] b'],
    ['Authorization: Bearer abc.def-123', 'Authorization: Bearer [redacted]'],
    [`GET /auth/reset/${token} failed`, 'GET /auth/reset/[redacted] failed'],
    ['550 5.1.1 <bob@example.com> No such user here', undefined],
    ['job 0b6a9d4e-6a0c-4c53-8f0e-1d1f1c8f3d6b: passwords must match', undefined],
    [['a1', 'A1', 'aA'].map((pair) => pair.repeat(30)).join(' '), undefined],
    ['a\0b', 'ab'],
  ] as const) {
    t.equal(redactText(text), expected ?? text);
  }
});

t.test('a long text takes no noticeable time', async (t) => {
  const start = performance.now();
  for (const text of ['a', 'a-', 'token', 'aA1-', '://', 'x@']) {
    redactText(text.repeat(50_000), { hidesPeople: true });
  }
  t.ok(performance.now() - start < 2_000);
});

t.test('Viewers see no addresses', async (t) => {
  const payload = { emailKind: 'login', ownership: 1, address: '2001:db8::1' };
  t.same(redact(payload, { hidesPeople: true }), { ...payload, address: '[redacted]' });
  t.equal(
    redactText(
      '550 <bob@example.com>: refused by 192.0.2.117, [2001:db8::7:1a] or fe80:1:2:3:4:5:6:77 at 12:30:45',
      { hidesPeople: true },
    ),
    '550 <[address]>: refused by [address], [[address]] or [address] at 12:30:45',
  );
});
