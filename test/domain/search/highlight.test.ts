import fc from 'fast-check';
import t from 'tap';
import { excerptAround, MARKS } from '../../../src/domain/search/highlight.ts';
import { codePoint } from '../../support/code-point.ts';

/** Marks what is between brackets. */
const mark = (text: string) => text.replaceAll('[', MARKS.start).replaceAll(']', MARKS.end);
const textOf = (marked: string) => marked.replaceAll(/[[\]]/g, '');
const excerpt = (marked: string, text = textOf(marked)) =>
  excerptAround(text, mark(marked))
    .map((part) => (part.isFound ? `[${part.text}]` : part.text))
    .join('');

t.test('an excerpt marks the matches', async (t) => {
  t.equal(excerpt('A [red] shoe'), 'A [red] shoe');
  t.equal(excerpt('[🦉] and [owls]'), '[🦉] and [owls]');
  t.equal(excerpt('nothing'), 'nothing');
  t.equal(excerpt(''), '');
  t.equal(excerpt('A  [cafe]  here', 'A\n\ncafé\there'), 'A café here', 'texts that do not match');
});

t.test('an excerpt keeps the accents that the search ignored', async (t) => {
  t.equal(excerpt('A [cafe] and x', 'A café and x'), 'A [café] and x');
  t.equal(excerpt('[x] y', 'x\u0302 y'), '[x\u0302] y', 'an accent without a combined character');
  t.equal(excerpt('[x\u0302] y'), '[x\u0302] y', 'one that was not removed');
});

t.test('an excerpt of a long text begins shortly before the first match', async (t) => {
  const text = excerpt(`${'word '.repeat(200)}is [found] ${'more '.repeat(200)}`);
  t.match(text, /^…(?:word ){5,12}is \[found\] (?:more ){10,}.*…$/);
  t.ok([...text].length < 260);
  const early = `${'a '.repeat(30)}[found]`;
  t.equal(excerpt(early), early);
  t.equal(excerpt(`[found] ${'more '.repeat(200)}`).length, 240 + '[]…'.length);
  t.match(excerpt(`${'w'.repeat(500)}[found]`), /^…w+\[found\]$/);
});

t.test('an excerpt only has characters of the text', async () => {
  const character = fc.oneof(
    fc.constantFrom('[', ']', 'é', '\u0301', ' '),
    fc.string({ unit: codePoint, maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(character, { maxLength: 400 }), (characters) => {
      const marked = characters.join('');
      const text = textOf(marked).normalize('NFC');
      const shown = excerptAround(text, mark(marked));
      const joined = shown
        .map((part) => part.text)
        .join('')
        .replaceAll(/^…|…$/g, '');
      return text.replaceAll(/\s+/g, ' ').includes(joined.replaceAll(/\s+/g, ' '));
    }),
  );
});
