import fc from 'fast-check';
import { oddText } from './odd-values.ts';

/** Values for each header, right and wrong. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  accept: [
    'text/html',
    'application/json',
    '*/*',
    'text/html;q=0, application/json',
    'image/png',
    ',,;;q=',
    'a/b;q=9',
  ],
  'accept-encoding': [
    'gzip',
    'br',
    'zstd',
    'deflate',
    'identity;q=0',
    '*;q=0',
    'gzip;q=x',
    'br, gzip',
    'gzip, , *',
  ],
  'accept-language': ['de', '*', 'x'.repeat(500)],
  'cache-control': ['no-cache', 'only-if-cached', 'max-age=-1'],
  'content-encoding': ['gzip', 'br', 'identity', 'bogus'],
  'content-language': ['de'],
  cookie: [
    'session=x',
    'session=',
    'session="',
    'session=%',
    'a;b=;=c;;',
    '__proto__=x',
    'browser=a.b.c.d.e.f.g',
    'show_followed=1',
    `session=${'y'.repeat(7_000)}`,
  ],
  'idempotency-key': ['one', 'two', 'ü', ' ', '"', 'k'.repeat(255), 'k'.repeat(256)],
  'if-match': ['*', '"1"', '"0"', 'W/"1"', '"2147483648"', '1', '"1", "2"', '"', ''],
  'if-none-match': ['*', '"x"', 'W/"x"', '"', ',', '"a", W/"b"'],
  'if-modified-since': ['Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', 'yesterday'],
  'if-unmodified-since': ['Thu, 01 Jan 1970 00:00:00 GMT', 'x'],
  'if-range': ['"x"', 'x'],
  range: ['bytes=0-0', 'bytes=-1', 'bytes=9999999999-', 'bytes=5-1', 'bytes=0-1,3-4', 'lines=1', 'bytes='],
  traceparent: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-0-0-00', 'ff', '00-'],
  tracestate: ['a=b', '=,='],
  baggage: ['a=b;c', '%'],
  origin: ['null', 'https://evil.example', 'https://friend.example', 'http://127.0.0.1', 'x', 'http://[::1'],
  referer: ['https://evil.example/', 'x', '/'],
  'sec-fetch-site': ['same-origin', 'none', 'cross-site', 'same-site', 'x'],
  'sec-fetch-mode': ['navigate', 'cors', 'x'],
  'access-control-request-method': ['PUT', 'x'],
  'access-control-request-headers': ['authorization', 'x,,y'],
  host: ['evil.example', 'localhost', '[::1]', 'a:b:c', '', 'x y', '127.0.0.1:99999'],
  'x-forwarded-for': [
    '203.0.113.1',
    '::ffff:1.2.3.4',
    '2001:db8::1',
    'x',
    ',',
    '1.2.3.4, 5.6.7.8',
    '999.1.1.1',
    "'",
  ],
  'x-forwarded-host': ['evil.example', ',', 'a b'],
  'x-forwarded-proto': ['https', 'javascript', ','],
  forwarded: ['for=x', '='],
  'x-http-method-override': ['DELETE'],
  'x-no-compression': ['1'],
  'x-request-id': ['x'],
  'user-agent': ['', 'x'.repeat(2_000)],
  authorization: [
    'Bearer',
    'Bearer ',
    'Bearer x',
    'Basic',
    'Basic x',
    'Basic Og==',
    'Basic AAAA',
    'Digest x',
    'Bearer a b',
  ],
  te: ['trailers'],
  prefer: ['return=minimal'],
  expect: ['100-continue'],
  'upgrade-insecure-requests': ['1'],
};

/** Bytes that HTTP allows in a header; all others are for requests written byte by byte. */
function headerText(text: string): string {
  return Buffer.from(text.slice(0, 3_000).toWellFormed())
    .toString('latin1')
    .replaceAll(/[^\x20-\x7e\x80-\xff]/g, '')
    .trim();
}

const header = fc
  .constantFrom(...Object.keys(VALUES))
  .chain((name) =>
    fc.tuple(
      fc.constant(name),
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...(VALUES[name] ?? [])) },
        { weight: 1, arbitrary: oddText.map(headerText) },
      ),
    ),
  );

/** Few headers, mostly. */
export const headerSets: fc.Arbitrary<[name: string, value: string][]> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<[string, string][]>([]) },
  { weight: 4, arbitrary: fc.uniqueArray(header, { maxLength: 3, selector: ([name]) => name }) },
  { weight: 1, arbitrary: fc.uniqueArray(header, { maxLength: 30, selector: ([name]) => name }) },
);
