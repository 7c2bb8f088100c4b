import type { IncomingHttpHeaders } from 'node:http';
import t from 'tap';
import { findFaults } from '../../../scripts/fuzz/check.ts';
import { faultsOfRaw } from '../../../scripts/fuzz/raw.ts';

const SECURITY = {
  'content-security-policy': "default-src 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

interface Changes {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: IncomingHttpHeaders;
  readonly isHeadTooLarge?: boolean;
}

/** A good page, with changes. */
function answer({ status = 200, body = '<p>Hello</p>', headers = {}, isHeadTooLarge = false }: Changes = {}) {
  return {
    status,
    headers: { ...SECURITY, 'content-type': 'text/html; charset=utf-8', ...headers },
    body: Buffer.from(body),
    ms: 1,
    isHeadTooLarge,
  };
}

t.test('a good answer has no faults', async (t) => {
  t.same(await findFaults(answer(), 'GET'), []);
  t.same(await findFaults(answer({ status: 303, body: '', headers: { location: '/post/1' } }), 'POST'), []);
  t.same(await findFaults(answer({ status: 503, headers: { 'retry-after': '5' } }), 'GET'), [], 'shed');
  t.same(await findFaults(answer({ status: 431, isHeadTooLarge: true }), 'GET'), []);
});

t.test('each broken promise is found', async (t) => {
  const cases: [string, Changes][] = [
    ['status 500', { status: 500 }],
    ['status 503', { status: 503 }],
    ['status 200 for a head that is too large', { isHeadTooLarge: true }],
    ['status 431 for a head that is not too large', { status: 431 }],
    ['a redirect to //evil.example', { headers: { location: '//evil.example' } }],
    ['a broken cookie', { headers: { 'set-cookie': ['session'] } }],
    ['no security headers', { headers: { 'x-content-type-options': undefined } }],
    ['a page without content-security-policy', { headers: { 'content-security-policy': undefined } }],
    ['a body without Content-Type', { headers: { 'content-type': undefined } }],
    ['a body that is not gzip', { headers: { 'content-encoding': 'gzip' } }],
    ['a body that is not JSON', { body: '{', headers: { 'content-type': 'application/json' } }],
    ['internals: at query (/app/src/db.ts:1:2', { body: '<p>Error:\n    at query (/app/src/db.ts:1:2)' }],
    ['a page with unescaped text', { body: '<fuzzed onload=alert(1)>' }],
  ];
  for (const [fault, changes] of cases) {
    const faults = await findFaults(answer(changes), 'GET');
    t.ok(faults.includes(fault), `${fault}: ${faults}`);
  }
});

t.test('answers to bytes are checked too', async (t) => {
  t.same(faultsOfRaw({ received: '', isStuck: false }), []);
  t.same(faultsOfRaw({ received: 'HTTP/1.1 400 Bad Request\r\n\r\n', isStuck: false }), []);
  t.same(faultsOfRaw({ received: 'HTTP/1.1 500 No\r\n\r\n', isStuck: false }), ['status 500']);
  t.same(faultsOfRaw({ received: 'oops', isStuck: false }), ['an answer that is not HTTP']);
  t.same(faultsOfRaw({ received: '', isStuck: true }), ['the connection is not closed']);
});
