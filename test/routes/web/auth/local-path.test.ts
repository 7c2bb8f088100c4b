import fc from 'fast-check';
import t from 'tap';
import { localPath } from '../../../../src/routes/web/auth/local-path.ts';

const SITE = 'https://blog.example';

t.test('a path on this site is accepted', async (t) => {
  for (const path of ['/', '/post/1?page=2#comments', '/user/john', '/search?next=//evil.example']) {
    t.equal(localPath(path), path);
  }
});

t.test('targets that a browser would resolve to another site are refused', async (t) => {
  for (const target of [
    ...['//evil.example', '/\\evil.example', '\\\\evil.example', '/\t/evil.example', '/\n/evil.example'],
    ...[
      '/.//evil.example',
      '/..//evil.example',
      '/%2e//evil.example',
      '/a/..//evil.example',
      '/./\\evil.example',
    ],
    ...['https://evil.example', 'javascript:alert(1)', '', 'post/1', ['/'], undefined],
  ]) {
    t.equal(localPath(target), undefined, JSON.stringify(target));
  }
});

t.test('accepted paths stay on this site when a browser resolves them again', async () => {
  const parts = [
    '/',
    '//',
    '\\',
    '.',
    '..',
    '%2e',
    '%2F',
    '%5c',
    '\t',
    '\n',
    ' ',
    ':',
    '@',
    '?',
    '#',
    'evil.example',
  ];
  const path = fc.array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 3 })), { maxLength: 8 });
  fc.assert(
    fc.property(path, (rest) => {
      const local = localPath(`/${rest.join('')}`);
      if (local === undefined) return true;
      const resolved = new URL(local, SITE);
      return resolved.origin === SITE && /^\/(?!\/)/.test(local);
    }),
    { numRuns: 20_000 },
  );
});
