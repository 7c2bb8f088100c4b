import fc from 'fast-check';
import type { Harvest } from './harvest.ts';
import { encode, oddName, oddText } from './odd-values.ts';
import { type FuzzRoute, matcherOf } from './routes.ts';

/** A body, one character per byte, and what it claims to be. */
export interface Content {
  readonly type: string;
  readonly body: string;
}

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';

const OTHER_TYPES = [
  ...[
    'text/plain',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    'application/xml',
    'text/html',
    '',
    'x',
    ';',
  ],
  ...[
    `${FORM}; charset=utf-16`,
    `${JSON_TYPE}; charset=latin1`,
    'application/vnd.api+json',
    'application/octet-stream',
  ],
  ...['APPLICATION/JSON', `${JSON_TYPE};`, 'a/b; c="', '*/*', 'application/json, text/html'],
];

/** Values that fields with these names are likely to accept. */
const PLAUSIBLE: readonly [RegExp, readonly string[]][] = [
  [/email/, ['user1@example.com', '{{fresh}}@example.com', '{{fresh}}@example.com']],
  [/password2/, ['correct horse']],
  [/password/, ['password', 'correct horse']],
  [/username/, ['user1', '{{fresh}}', '{{fresh}}']],
  [/body/, ['Some *text*.', '# Title\n\n- one\n- two', '[link](https://example.com)']],
  [/role/, ['User', 'Viewer', 'Operator', 'Moderator', 'Administrator']],
  [/^(?:from|until)$/, ['2026-01-01T00:00', '2026-01-01']],
];

/** Bodies for a route; undefined for none. */
export function bodiesFor(route: FuzzRoute, harvest: Harvest): fc.Arbitrary<Content | undefined> {
  const isReading = route.method === 'GET' || route.method === 'HEAD';
  const isApi = route.pattern.startsWith('/api/');
  return fc.oneof(
    { weight: isReading ? 30 : 2, arbitrary: fc.constant(undefined) },
    { weight: isReading || isApi ? 1 : 20, arbitrary: formsFor(route, harvest) },
    { weight: isReading || !isApi ? 1 : 20, arbitrary: jsonFor(route) },
    { weight: 1, arbitrary: others },
  );
}

function formsFor({ pattern }: FuzzRoute, { forms }: Harvest): fc.Arbitrary<Content> {
  const matches = matcherOf(pattern);
  const own = forms.filter(({ path }) => matches(path) !== undefined);
  const candidates = own.length > 0 ? own : forms;
  const bodies = fc.constantFrom(...(candidates.length > 0 ? candidates : [undefined])).chain((form) => {
    const known = [...(form?.fields ?? [])].map(([name, values]) => fieldFor(name, values));
    const extra = fc.array(fc.tuple(oddName, oddText).map(pairOf), { maxLength: 2 });
    return fc.tuple(
      fc.tuple(...known),
      fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: extra }),
    );
  });
  return bodies.map(([known, extra]) => ({
    type: FORM,
    body: [...known.filter((pair) => pair !== ''), ...extra].join('&'),
  }));
}

/** A field: mostly a value that the page offers or is plausible, sometimes odd, missing or repeated. */
function fieldFor(name: string, offered: readonly string[]): fc.Arbitrary<string> {
  const plausible = PLAUSIBLE.find(([pattern]) => pattern.test(name))?.[1] ?? [];
  const value = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(...offered, ...plausible, ...(plausible.length > 0 ? plausible : ['x'])),
    },
    { weight: 2, arbitrary: oddText },
  );
  const pair = value.map((one) => pairOf([name, one]));
  return fc.oneof(
    { weight: 12, arbitrary: pair },
    { weight: 1, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.tuple(pair, pair).map((both) => both.join('&')) },
  );
}

function pairOf([name, value]: readonly [string, string]): string {
  return `${encode(name)}=${encode(value)}`;
}

function jsonFor({ body }: FuzzRoute): fc.Arbitrary<Content> {
  const names = Object.keys(body?.properties ?? {});
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('Some *text*.', 'x') },
    { weight: 3, arbitrary: oddText },
    { weight: 1, arbitrary: fc.jsonValue() },
    { weight: 1, arbitrary: fc.constantFrom(1e308, -0, 2 ** 53, 0.1, true, null) },
  );
  const fields = fc.record(Object.fromEntries(names.map((name) => [name, value])), { requiredKeys: [] });
  const whole = fc.record(Object.fromEntries(names.map((name) => [name, value])));
  const extra = fc.dictionary(oddName, value, { maxKeys: 2 });
  const text = fc.oneof(
    { weight: 8, arbitrary: whole.map((data) => JSON.stringify(data)) },
    { weight: 1, arbitrary: fields.map((data) => JSON.stringify(data)) },
    {
      weight: 1,
      arbitrary: fc.tuple(whole, extra).map(([data, more]) => JSON.stringify({ ...data, ...more })),
    },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.constantFrom(...BROKEN_JSON) },
  );
  return fc.record({
    type: fc.oneof(
      { weight: 12, arbitrary: fc.constant(JSON_TYPE) },
      { weight: 1, arbitrary: fc.constantFrom(...OTHER_TYPES) },
    ),
    body: text.map((json) => Buffer.from(json).toString('latin1')),
  });
}

const BROKEN_JSON = [
  ...[
    '',
    '{',
    '}',
    '{"body":',
    '{"body":"x"',
    "{'body':'x'}",
    '{"body":"x",}',
    '{"body":"x","body":"y"}',
    'undefined',
    'NaN',
  ],
  ...[
    '{"body":"\\ud800"}',
    '{"body":"\\u0000"}',
    '{"body":1e999}',
    '{"__proto__":{"x":1},"body":"x"}',
    '\ufeff{"body":"x"}',
  ],
  ...[
    '{"constructor":{"prototype":{"x":1}}}',
    '[]',
    '"x"',
    '1',
    'null',
    '{"body":["x"]}',
    '{"body":{"toString":1}}',
  ],
  ...[
    '['.repeat(20_000),
    `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
    `{"body":"${'x'.repeat(1_100_000)}"}`,
  ],
];

const bytes = fc.uint8Array({ maxLength: 200 }).map((data) => Buffer.from(data).toString('latin1'));

/** Any bytes under any type. */
const others: fc.Arbitrary<Content> = fc.record({
  type: fc.constantFrom(FORM, JSON_TYPE, ...OTHER_TYPES),
  body: fc.oneof(
    bytes,
    fc.constantFrom(
      'x=%',
      '&&&==',
      '=',
      `${'a=b&'.repeat(20_000)}`,
      'a[]=1&a[]=2',
      '--x\r\n\r\n\r\n--x--',
      'x'.repeat(1_100_000),
    ),
  ),
});
