import fc from 'fast-check';
import t from 'tap';
import { pathOfPost, slugOf } from '../../../src/domain/posts/path.ts';
import { codePoint } from '../../support/code-point.ts';

t.test('a slug is the words of a title, in any script', async (t) => {
  for (const [title, slug] of [
    ['On bread', 'on-bread'],
    ['  Crème brûlée — it’s easy! (Part 2)  ', 'creme-brulee-its-easy-part-2'],
    ['Ärger in İzmir™', 'arger-in-izmirtm'],
    ['Дом у моря', 'дом-у-моря'],
    ['パンの作り方', 'パンの作り方'],
    ['रोटी', 'रोटी'],
    ['빵 굽기', '빵-굽기'],
    ['Bread 🍞 & butter', 'bread-butter'],
    ['🍞', undefined],
    ['…?!', undefined],
    [null, undefined],
    [`${'word '.repeat(20)}`, 'word-word-word-word-word-word-word-word-word-word-word-word'],
    [`${'word '.repeat(11)}words`, `${'word-'.repeat(11)}words`],
    [`${'word '.repeat(11)}words more`, `${'word-'.repeat(11)}words`],
    ['loaves '.repeat(20), 'loaves-'.repeat(8).slice(0, -1)],
    ['x'.repeat(200), 'x'.repeat(60)],
  ] as const)
    t.equal(slugOf(title), slug, String(title));
  t.equal(pathOfPost({ id: 7, title: 'On bread' }), '/post/7/on-bread');
  t.equal(pathOfPost({ id: 7, title: 'Дом' }), '/post/7/%D0%B4%D0%BE%D0%BC');
  t.equal(pathOfPost({ id: 7, title: '?' }), '/post/7');
});

t.test('the slug of any title is short, a single path segment, and its own slug', async (t) => {
  const titles = fc.string({ unit: codePoint, maxLength: 200 });
  fc.assert(
    fc.property(titles, (title) => {
      const slug = slugOf(title);
      if (slug === undefined) return;
      t.match(slug, /^[\p{L}\p{M}\p{N}]+(-[\p{L}\p{M}\p{N}]+)*$/u);
      t.ok([...slug].length <= 60);
      t.match(pathOfPost({ id: 1, title }), /^\/post\/1\/[\w%.!~*'()-]+$/);
    }),
  );
});
