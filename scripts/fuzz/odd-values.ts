import fc from 'fast-check';
import { codePoint } from '../../test/support/code-point.ts';

/** If a page contains this as a tag, it does not escape what people write. */
export const MARKER = 'fuzzed';

/** What databases, numbers and objects stumble over: as frequent as all other texts together. */
const TRAPS = [
  ...['\0', 'a\0b', '\ud800', 'x\udc00y', '\ufffd', '', ' ', '-1', '0', '1.5', '2147483647', '2147483648'],
  ...['9007199254740993', '99999999999999999999', '__proto__', 'constructor', `<${MARKER}>`, '\'"&'],
];

const ODD_TEXTS = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1',
    '2147483647',
    '2147483648',
    '9007199254740993',
    '99999999999999999999',
    '1e3',
    'NaN',
  ],
  ...[
    'null',
    'undefined',
    'true',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '[object Object]',
  ],
  ...[
    '\0',
    'a\0b',
    '\u0001\u0008\u001b[31m',
    '\r\nSet-Cookie: x=y',
    '\n',
    '\t',
    '\u2028\u2029',
    '\ufeff',
    '\ufffd',
  ],
  ...[
    '\ud800',
    'x\udc00y',
    '😀'.repeat(30),
    '👩‍👩‍👧‍👦',
    'e\u0301',
    'Z̷͑',
    '\u202eevil\u202c',
    'مرحبا بالعالم',
    'ﷺ',
    'İi̇ıI',
    'ß',
    '\u{10ffff}',
  ],
  ...[
    `<${MARKER} onload=alert(1)>`,
    `"><${MARKER}>`,
    `'<${MARKER} x='`,
    `</textarea><${MARKER}>`,
    `<!--<${MARKER}`,
  ],
  ...[
    "'; drop table users; --",
    '$1',
    '%s%n',
    '{{7*7}}',
    '<%= 1 %>',
    '../../etc/passwd',
    '//evil.example',
    'javascript:alert(1)',
  ],
  ...[
    '2026-02-30',
    '0000-00-00',
    '2026-01-01T00:00:00Z',
    '-infinity',
    '294277-01-01',
    'a@b.co',
    '@',
    'user1',
    'USER1',
    'user5',
  ],
  ...['mail', 'mail.dead', 'password', 'correct horse', '00000000-0000-0000-0000-000000000000', '$2b$'],
  ...[
    `[${MARKER}](javascript:alert(1))`,
    '![x](data:,x)',
    '> '.repeat(300),
    '['.repeat(3_000),
    '`'.repeat(3_000),
    '* '.repeat(2_000),
  ],
];

/** Text of any code units: also lone surrogates, which are not valid Unicode. */
const codeUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
  .map((units) => String.fromCharCode(...units));

/** Texts around the lengths that the application and its database accept. */
const longText = fc
  .tuple(
    fc.constantFrom('x', 'é', '😀', '\n', '<', '&'),
    fc.constantFrom(64, 65, 128, 129, 256, 1_000, 20_000, 50_000, 50_001, 100_000, 300_000),
  )
  .map(([character, length]) => character.repeat(length));

export const oddText: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...TRAPS) },
  { weight: 6, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 2, arbitrary: fc.string({ unit: codePoint, maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 60 }) },
  { weight: 1, arbitrary: codeUnits },
  { weight: 1, arbitrary: longText },
);

/** Names of fields and parameters that no form has. */
export const oddName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    '__proto__[x]',
    'toString',
    'page[]',
    'body[a][b]',
    '',
    '\0',
    'length',
  ),
  fc.string({ maxLength: 10 }),
);

/** Parts of URLs that are not what `encodeURIComponent` returns. */
export const rawSegment: fc.Arbitrary<string> = fc.constantFrom(
  ...[
    '%00',
    'a%00',
    '%',
    '%z',
    '%zz',
    '%2',
    '%c0%af',
    '%ff',
    '%ED%A0%80',
    '%u0041',
    '%2F',
    'a%2Fb',
    '%5c',
    '..',
    '.',
    '%2e%2e',
    '%2e',
  ],
  ...[
    '',
    '/',
    '//',
    ';',
    ';a=b',
    '?',
    '*',
    ':id',
    '%3F',
    '%23',
    '+',
    '~',
    '|',
    '\\',
    '{',
    '^',
    '"',
    '<',
    '%0d%0aX:y',
    '\xff',
    '\xe9',
  ],
  ...['a'.repeat(199), 'a'.repeat(201), 'a'.repeat(3_000), 'a'.repeat(20_000)],
);

/** Like `encodeURIComponent`, which throws on lone surrogates. They become the bytes that UTF-8 forbids. */
export function encode(text: string): string {
  const encodeOne = (character: string) => {
    if (character.isWellFormed()) return encodeURIComponent(character);
    const unit = character.charCodeAt(0);
    const bytes = [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)];
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join('');
  };
  return text.isWellFormed() ? encodeURIComponent(text) : Array.from(text, encodeOne).join('');
}
