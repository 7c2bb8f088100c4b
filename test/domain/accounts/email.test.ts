import fc from 'fast-check';
import t from 'tap';
import { canonicalEmail, isEmail } from '../../../src/domain/accounts/email.ts';
import { build } from '../../support/build.ts';
import { Client, errorsOf } from '../../support/client.ts';
import { registration } from '../../support/factories.ts';

const ACCEPTED = [
  ...['john@example.com', 'John.Doe+tag@sub.example.co.uk', "o'neil@example.com", 'root@localhost', 'a@b.cd'],
  ...['x@xn--bcher-kva.example', 'x@example.xn--p1ai', `${'x'.repeat(64)}@example.com`],
  `x@${'abc.'.repeat(62)}comm`,
];

const REFUSED = [
  ...[
    '"a b"@x',
    '"a"@example.com',
    'a b@example.com',
    'a@x',
    'a@@example.com',
    '@example.com',
    'a@',
    'a',
    '',
  ],
  ...[
    'a..b@example.com',
    '.a@example.com',
    'a.@example.com',
    'a@.example.com',
    'a@example..com',
    'a@example.com.',
  ],
  ...[
    'a@-example.com',
    'a@example-.com',
    'a@127.0.0.1',
    'a@[127.0.0.1]',
    'a@exa_mple.com',
    'a@example.com\n',
  ],
  ...[
    'v\u0130rginia@example.com',
    'j\u00f6rg@example.com',
    'a@b\u00fccher.example',
    'a(comment)@example.com',
  ],
  ...['a@example.com,b@example.com', 'A <a@example.com>', 'a\r\nBcc:b@example.com', 'a\0@example.com'],
  ...[`${'x'.repeat(65)}@example.com`, `x@${'a.'.repeat(130)}com`],
];

t.test('only deliverable addresses are accepted', async (t) => {
  for (const text of ACCEPTED) t.ok(isEmail(text), text);
  for (const text of REFUSED) t.notOk(isEmail(text), JSON.stringify(text));
});

t.test('forms accept and refuse the same addresses', async (t) => {
  const app = await build(t);
  for (const email of ['"a b"@x', 'v\u0130rginia@example.com']) {
    const response = await new Client(app).post('/auth/register', registration({ email }));
    t.same(errorsOf(response), { email: 'Invalid email address.' });
  }
  t.same(await app.db.selectFrom('users').select('id').execute(), []);
});

t.test('JavaScript and PostgreSQL agree on which addresses differ only in case', async (t) => {
  const app = await build(t);
  const characters = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const more = ['\u0130', '\u0131', '\u212a', '\u00df', '\u1e9e', '\u03a3', '\u03c2', '\u00c4'];
  const address = fc
    .string({ unit: fc.constantFrom(...characters, ...more), minLength: 1, maxLength: 3 })
    .map((text) => `${text}@Example.COM`)
    .filter(isEmail);
  const emails = [...new Set([...ACCEPTED, ...fc.sample(address, 2_000)])];
  const { rows } = await app.pool.query('select lower(email) as email from unnest($1::text[]) as email', [
    emails,
  ]);
  t.same(
    rows.map(({ email }) => email),
    emails.map(canonicalEmail),
  );
});
