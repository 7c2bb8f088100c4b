import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { FuzzRoute } from './routes.ts';
import type { Target } from './send.ts';

/** Bytes for a socket, one character per byte, in pieces that are sent one after the other. */
export interface RawRequest {
  readonly pieces: readonly string[];
  /** What the client does then. */
  readonly ending: 'waits' | 'ends' | 'resets';
}

/** A client that waits gives up after this long without a byte, because the server may be waiting for it. */
const QUIET_MS = 300;
const PAUSE_MS = 5;

const START_LINES = [
  ...[
    'GET / HTTP/1.0',
    'GET / HTTP/0.9',
    'GET / HTTP/1.2',
    'GET / HTTP/2.0',
    'GET /',
    'GET',
    '',
    ' ',
    '/ HTTP/1.1',
    'get / HTTP/1.1',
  ],
  ...[
    'GET  /  HTTP/1.1',
    'GET\t/\tHTTP/1.1',
    'GET / HTTP/1.1 x',
    'GET / HTTP/9999999999.1',
    'GET / FTP/1.1',
    'G\0T / HTTP/1.1',
  ],
  ...[
    'GET http://evil.example/ HTTP/1.1',
    'GET http:///x HTTP/1.1',
    'GET https://[::1]:99999/ HTTP/1.1',
    'GET // HTTP/1.1',
    'GET //evil.example/.. HTTP/1.1',
  ],
  ...[
    'GET * HTTP/1.1',
    'OPTIONS * HTTP/1.1',
    'CONNECT evil.example:443 HTTP/1.1',
    'CONNECT / HTTP/1.1',
    'TRACE / HTTP/1.1',
    'PRI * HTTP/2.0',
  ],
  ...[
    'GET /\xff\xfe HTTP/1.1',
    'GET /\0 HTTP/1.1',
    'GET /?a=\x80 HTTP/1.1',
    'GET /#fragment HTTP/1.1',
    'GET ?x HTTP/1.1',
    'GET x HTTP/1.1',
    'GET /%00 HTTP/1.1',
  ],
  ...[
    'M-SEARCH * HTTP/1.1',
    'SOURCE / HTTP/1.1',
    'FUZZ / HTTP/1.1',
    `GET /${'a'.repeat(20_000)} HTTP/1.1`,
    `${'G'.repeat(20_000)} / HTTP/1.1`,
  ],
];

const HEADER_LINES = [
  ...['Host: localhost', 'Host: localhost', 'Host: a\r\nHost: b', 'Host:', 'Host: a b', 'Host: \xff'],
  ...[
    'Content-Length: 5',
    'Content-Length: 0',
    'Content-Length: -1',
    'Content-Length: 5, 5',
    'Content-Length: 9999999999999',
    'Content-Length: 0x5',
    'Content-Length: +5',
  ],
  ...[
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: x',
    'Transfer-Encoding : chunked',
    'Transfer-Encoding: chunked, chunked',
  ],
  ...[
    'Expect: 100-continue',
    'Expect: 200-maybe',
    'Connection: close',
    'Connection: keep-alive',
    'Connection: upgrade',
    'Connection: close, x',
  ],
  ...[
    'Upgrade: websocket',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Sec-WebSocket-Key: x',
    'Sec-WebSocket-Version: 13',
    'Proxy-Connection: x',
  ],
  ...[
    ' folded',
    '\tfolded',
    ': no name',
    'no colon',
    'a b: c',
    'X-Nul: a\0b',
    'X-Cr: a\rb',
    'X-Del: \x7f',
    'X-Latin: \xe9',
    '\xe9: x',
    'X:',
    'X-\x80: y',
  ],
  ...[
    'Content-Type: application/x-www-form-urlencoded',
    'Content-Type: application/json',
    'Content-Type: \0',
    'Cookie: session=\xff',
    'Cookie: a=b\r\nCookie: c=d',
  ],
  ...[
    'Accept: application/json',
    'Accept: text/html',
    'Accept-Encoding: br',
    'Accept: \xff',
    'Range: bytes=0-',
    'If-None-Match: \xff"',
    'Authorization: Basic \xff',
    'Trailer: x',
  ],
  ...[
    `X-Long: ${'x'.repeat(20_000)}`,
    'X-Flood: y\r\n'.repeat(1_500).trimEnd(),
    'x:y\r\n'.repeat(3_000).trimEnd(),
  ],
];

const BODIES = [
  ...[
    '',
    'hello',
    '5\r\nhello\r\n0\r\n\r\n',
    '5\r\nhel',
    '5;ext=1\r\nhello\r\n0\r\n\r\n',
    'zz\r\nhello\r\n0\r\n\r\n',
    '-1\r\n\r\n',
    'ffffffffffffffffff\r\nx',
  ],
  ...[
    '5\nhello\n0\n\n',
    '0\r\n\r\n',
    '0\r\nTrailer: x\r\n\r\n',
    '0\r\nTrailer\0: x\r\n\r\n',
    '5\r\nhelloX\r\n0\r\n\r\n',
    '00000000000000005\r\nhello\r\n0\r\n\r\n',
  ],
  ...[
    'body=hello&x=y',
    '{"body":"x"}',
    'x'.repeat(70_000),
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    '\r\n\r\n\r\n',
  ],
];

/** Whole conversations of other protocols. */
const FOREIGN = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0',
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  'EHLO localhost\r\n',
  'SSH-2.0-OpenSSH_9.6\r\n',
  '\0\0\0\b\x04\xd2\x16\x2f',
  '*1\r\n$4\r\nPING\r\n',
  'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
];

/** Bytes like HTTP, more or less. */
export function rawRequests(routes: readonly FuzzRoute[]): fc.Arbitrary<RawRequest> {
  const ordinary = fc.constantFrom(...routes).map(({ method, pattern }) => `${method} ${pattern} HTTP/1.1`);
  const eol = fc.oneof(
    { weight: 12, arbitrary: fc.constant('\r\n') },
    { weight: 1, arbitrary: fc.constantFrom('\n', '\r', '\n\r', '') },
  );
  const message = fc
    .record({
      start: fc.oneof(ordinary, fc.constantFrom(...START_LINES)),
      host: fc.constantFrom(['Host: localhost'], ['Host: localhost'], ['Host: localhost'], []),
      lines: fc.array(fc.constantFrom(...HEADER_LINES), { maxLength: 5 }),
      eol,
      body: fc.constantFrom(...BODIES),
    })
    .map(({ start, host, lines, eol: end, body }) => [start, ...host, ...lines, '', body].join(end));
  const repeated = fc
    .tuple(message, fc.integer({ min: 2, max: 30 }))
    .map(([one, times]) => one.repeat(times));
  const random = fc
    .uint8Array({ minLength: 1, maxLength: 300 })
    .map((data) => Buffer.from(data).toString('latin1'));
  const spliced = fc
    .tuple(message, random, fc.nat())
    .map(
      ([text, bytes, at]) =>
        text.slice(0, at % (text.length + 1)) + bytes + text.slice(at % (text.length + 1)),
    );
  const cut = fc.tuple(message, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1)));
  const text = fc.oneof(
    { weight: 6, arbitrary: message },
    { weight: 2, arbitrary: fc.tuple(message, message).map((both) => both.join('')) },
    ...[repeated, spliced, cut, random, fc.constantFrom(...FOREIGN)].map((arbitrary) => ({
      weight: 1,
      arbitrary,
    })),
  );
  return fc
    .record({
      text,
      cuts: fc.array(fc.nat(), { maxLength: 3 }),
      ending: fc.oneof(
        { weight: 9, arbitrary: fc.constant<'ends'>('ends') },
        { weight: 1, arbitrary: fc.constantFrom<'waits' | 'resets'>('waits', 'resets') },
      ),
    })
    .map(({ text: whole, cuts, ending }) => ({ pieces: cutInto(whole, cuts), ending }));
}

function cutInto(text: string, cuts: readonly number[]): string[] {
  const places = cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b);
  return [...places, text.length].map((place, index) => text.slice(places[index - 1] ?? 0, place));
}

/** What came back. `isStuck`: the server has not closed a connection that the client had ended. */
interface RawAnswer {
  readonly received: string;
  readonly isStuck: boolean;
}

/** Sends bytes and reads what comes back until the server ends the connection or is quiet. */
export async function sendRaw(
  { port, deadlineMs }: Target,
  { pieces, ending }: RawRequest,
): Promise<RawAnswer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  const received: Buffer[] = [];
  let heardAt = performance.now();
  let isOver = false;
  socket.on('data', (data) => {
    received.push(data);
    heardAt = performance.now();
  });
  socket.on('error', () => {}); // The server may reset a connection that it does not understand.
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      isOver = true;
    });
  }
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await sleep(PAUSE_MS);
    if (socket.writable) socket.write(piece, 'latin1');
  }
  if (ending === 'ends') socket.end();
  if (ending === 'resets') await sleep(PAUSE_MS);
  else {
    const limit = ending === 'waits' ? QUIET_MS : deadlineMs;
    const isQuiet = () => performance.now() - heardAt > limit;
    while (!isOver && !isQuiet()) await sleep(PAUSE_MS);
  }
  socket.destroy();
  return { received: Buffer.concat(received).toString('latin1'), isStuck: ending === 'ends' && !isOver };
}

/** Lists what is wrong with the answers to raw bytes. */
export function faultsOfRaw({ received, isStuck }: RawAnswer): string[] {
  if (isStuck) return ['the connection is not closed'];
  if (received !== '' && !received.startsWith('HTTP/1.1 ')) return ['an answer that is not HTTP'];
  const statuses = [...received.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
  return statuses.filter((status) => status >= 500).map((status) => `status ${status}`);
}
