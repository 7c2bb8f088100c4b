import fc from 'fast-check';
import t from 'tap';
import { MAX_SEARCH_LENGTH, parseSearch } from '../../../src/domain/search/parse.ts';
import { codePoint } from '../../support/code-point.ts';

t.test('filters are taken out of a search, and the rest are words', async (t) => {
  const cases = {
    'red shoes': { words: 'red shoes' },
    '': { words: '' },
    '"red shoes" -old OR new': { words: '"red shoes" -old OR new' },
    'from:anna red': { words: 'red', from: 'anna' },
    'red FROM:@Anna': { words: 'red', from: 'Anna' },
    'tag:#Gärten': { words: '', tag: 'gärten' },
    'a after:2026-11-01 b before:2026-12-01': {
      words: 'a b',
      after: new Date('2026-11-01T00:00:00Z'),
      before: new Date('2026-12-01T00:00:00Z'),
    },
    'from:anna from:ben': { words: '', from: 'ben' },
    'from: tag: before:': { words: 'from: tag: before:' },
    '"from:anna red': { words: '"from:anna red' },
    '-"from:anna" x': { words: '-"from:anna" x' },
    '"see from:anna" x': { words: '"see from:anna" x' },
    '-"see from:anna" x': { words: '-"see from:anna" x' },
    '"see from:anna': { words: '"see from:anna' },
    'from:a@b tag:c#d': { words: '', from: 'a@b', tag: 'c#d' },
    '-from:anna https://example.com/': { words: '-from:anna https://example.com/' },
    'שלום from:anna 🦉': { words: 'שלום 🦉', from: 'anna' },
  };
  for (const [text, search] of Object.entries(cases)) t.same(parseSearch(text), { search }, text);
});

t.test('a search that cannot be read says why', async (t) => {
  const date = 'Enter a date after “before:”, such as 2026-11-30.';
  for (const value of ['yesterday', '2026-02-30', '2026-13-01', '26-01-01', '2026-1-1', '٢٠٢٦-٠١-٠١'])
    t.same(parseSearch(`before:${value}`), { fault: date }, value);
  t.same(parseSearch('x'.repeat(MAX_SEARCH_LENGTH + 1)), { fault: 'Enter at most 200 characters.' });
  t.same(parseSearch('x'.repeat(10_000)), { fault: 'Enter at most 200 characters.' });
  t.ok('search' in parseSearch('🦉'.repeat(MAX_SEARCH_LENGTH)), 'characters count, not code units');
  const invalid = { fault: 'Your search contains invalid characters. Please type it again.' };
  t.same(parseSearch('a\0b'), invalid);
  t.same(parseSearch('a\uD800b'), invalid);
});

t.test('any text is read, and no word gets lost', async () => {
  const word = fc.oneof(
    fc.string({ unit: codePoint, maxLength: 30 }),
    fc.constantFrom('from:', 'from:x', '"', '-', 'OR', 'tag:a"', 'before:2026-01-01', '  ', '"a b'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const text = words.join(' ');
      const parsed = parseSearch(text);
      if ('fault' in parsed) return parsed.fault.length > 0;
      const kept = new Set(parsed.search.words.split(/\s+/u));
      return text
        .normalize('NFC')
        .split(/\s+/u)
        .every(
          (part) =>
            part === '' || kept.has(part) || /^(?:from|tag|before|after):/iu.test(part) || part.includes('"'),
        );
    }),
  );
});
