import t from 'tap';
import { isIndexed, readSearch } from '../../src/queue/search.ts';

const person = { userId: 7 };
const read = (text: string, hidesPeople = false) =>
  readSearch(text, async (name) => (name === '@Susan' ? [person] : []), { hidesPeople });

t.test('each word of a search is a term, and anything else is one text', async (t) => {
  const uuid = '0B6A9D4E-6A0C-4C53-8F0E-1D1F1C8F3D6B';
  for (const [text, terms] of [
    [
      ' @Susan \t451 ',
      [
        { fragments: [person], text: '@susan' },
        { fragments: [], text: '451' },
      ],
    ],
    [uuid, [{ fragments: [{ requestId: uuid.toLowerCase() }], text: uuid.toLowerCase() }]],
    [`x${uuid}`, [{ fragments: [], text: `x${uuid.toLowerCase()}` }]],
    [`${uuid}x`, [{ fragments: [], text: `${uuid.toLowerCase()}x` }]],
    ['a b c d É', ['a', 'b', 'c', 'd', 'é'].map((word) => ({ fragments: [], text: word }))],
    ['a b c d e  F', [{ fragments: [], text: 'a b c d e  f' }]],
    [' {"To": 1} ', [{ fragments: [], text: '{"to": 1}' }]],
    ['a "To', [{ fragments: [], text: 'a "to' }]],
    ['a To"', [{ fragments: [], text: 'a to"' }]],
  ] as const)
    t.same(await read(text), terms, text);
});

t.test('a word may be a field of the payload and its value, unless the field is hidden', async (t) => {
  for (const [text, values] of [
    ['n_1:2', [2, '2']],
    ['n_1:-20', [-20, '-20']],
    ['n_1:2a', ['2a']],
    ['n_1:a2', ['a2']],
    [`n_1:${'9'.repeat(15)}`, [999_999_999_999_999, '999999999999999']],
    [`n_1:${'9'.repeat(16)}`, ['9999999999999999']],
    ['n_1:true', [true, 'true']],
    ['n_1:false', [false, 'false']],
    ['n_1:True', ['True']],
    ['n_1:a:b', ['a:b']],
  ] as const)
    t.same(await read(text), [{ fragments: values.map((value) => ({ n_1: value })) }], text);
  for (const text of ['1n:2', 'n:', ':2', 'n-1:2']) t.same(await read(text), [{ fragments: [], text }], text);
  t.same(await read('apiToken:2'), [{ fragments: [] }]);
  t.same(await read('email:a'), [{ fragments: [{ email: 'a' }] }]);
  t.same(await read('email:a', true), [{ fragments: [] }]);
});

t.test('an index finds a field, or words that all have fragments', async (t) => {
  for (const [text, expected] of [
    ['n:2', true],
    ['n:2 451', true],
    ['@Susan', true],
    ['@Susan 451', false],
    ['451', false],
  ] as const)
    t.equal(isIndexed(await read(text)), expected, text);
});
