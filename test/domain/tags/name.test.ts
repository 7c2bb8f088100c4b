import fc from 'fast-check';
import t from 'tap';
import { MAX_TAG_LENGTH, MAX_TAGS, pathOfTag, readTag, readTags } from '../../../src/domain/tags/name.ts';
import { DomainError } from '../../../src/errors.ts';
import { codePoint } from '../../support/code-point.ts';

t.test('tags are read as people type them', async (t) => {
  for (const [typed, tags] of [
    ['', []],
    [' , ,\n', []],
    ['Bread, #butter  bread,#BREAD', ['bread', 'butter']],
    ['slow-cooking,2026_in_bread', ['slow-cooking', '2026_in_bread']],
    ['Хлеб パン रोटी cafe\u0301', ['хлеб', 'パン', 'रोटी', 'café']],
    ['x'.repeat(40), ['x'.repeat(40)]],
  ] as const)
    t.same(readTags(typed), tags, typed);
  for (const typed of [
    'c++',
    '#',
    '##bread',
    '2026',
    '-',
    '<script>',
    'x'.repeat(41),
    '\u0130'.repeat(40), // Twice as long in lower case.
    'bread-',
    '-bread',
    'a/b',
    '🍞',
    'a.b',
  ])
    t.throws(() => readTags(typed), { code: 'invalid-tags', message: /cannot be a tag/ }, typed);
  t.throws(() => readTags('🍞'.repeat(50)), { message: `“${'🍞'.repeat(40)}” cannot be a tag.` });
  const tags = (length: number) => Array.from({ length }, (_, number) => `tag${number}`).join();
  t.equal(readTags(tags(10)).length, 10);
  t.throws(() => readTags(tags(11)), { code: 'invalid-tags', message: 'A post can have at most 10 tags.' });
});

t.test('whatever is typed, tags are few, short, distinct, canonical and safe in a path', async (t) => {
  const typed = fc.oneof(
    fc.string({ unit: codePoint, maxLength: 500 }),
    fc.string({ unit: fc.constantFrom(...'aAÉßİıſ#,_-9 \n\u0301\u200d😀%/.<"'), maxLength: 500 }),
  );
  fc.assert(
    fc.property(typed, (text) => {
      let tags: string[];
      try {
        tags = readTags(text);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        return t.ok(error.message.length < 200);
      }
      t.equal(new Set(tags).size, tags.length);
      t.ok(tags.length <= MAX_TAGS);
      for (const tag of tags) {
        t.ok([...tag].length <= MAX_TAG_LENGTH);
        t.equal(readTag(tag), tag, 'it is its own canonical form');
        t.match(pathOfTag(tag), /^\/tag\/[\w%-]+$/);
      }
    }),
  );
});
