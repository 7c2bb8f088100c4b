import t from 'tap';
import { newTotpSecret, stepOfCode, TOTP_SECRET_PATTERN, totpUri } from '../../src/domain/two-factor/totp.ts';

/** “12345678901234567890”, the key of RFC 6238's examples. */
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

t.test('codes are the last six digits of those in RFC 6238, appendix B', async (t) => {
  for (const [seconds, code] of [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [20_000_000_000, '353130'],
  ] as const) {
    t.equal(stepOfCode(SECRET, code, seconds * 1000), Math.floor(seconds / 30));
  }
});

t.test('a code is valid from the step before its own to the step after it', async (t) => {
  const code = '081804';
  const at = (seconds: number) => stepOfCode(SECRET, code, seconds * 1000);
  const start = 1_111_111_080;
  const step = start / 30;
  t.same(
    [at(start - 31), at(start - 30), at(start + 59), at(start + 60)],
    [undefined, step, step, undefined],
  );
  for (const wrong of ['', '81804', '0081804', 'abcdef', '081805'])
    t.equal(stepOfCode(SECRET, wrong, start * 1000), undefined);
});

t.test('each secret is new, and apps can read it', async (t) => {
  const secret = newTotpSecret();
  t.match(secret, new RegExp(TOTP_SECRET_PATTERN));
  t.not(secret, newTotpSecret());
  const uri = new URL(totpUri(secret, { issuer: 'A & B', label: 'john' }));
  t.equal(uri.searchParams.get('secret'), secret);
  t.equal(uri.searchParams.get('issuer'), 'A & B');
});
