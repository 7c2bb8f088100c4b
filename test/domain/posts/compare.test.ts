import t from 'tap';
import compareTexts from '../../../src/domain/posts/compare.ts';
import { build } from '../../support/build.ts';

/** A comparison in one line: `[-removed-]`, `{+added+}` and `⋯` for what is left out. */
function compare(former: string, next: string): string {
  return compareTexts({ former, next })
    .parts.map(({ kind, text }) => {
      if (kind === 'removed') return `[-${text}-]`;
      if (kind === 'added') return `{+${text}+}`;
      return kind === 'cut' ? '⋯' : text;
    })
    .join('');
}

t.test('texts are compared by words, and changed phrases stay whole', async (t) => {
  t.equal(compare('Boil the water.', 'Boil fresh water.'), 'Boil [-the-]{+fresh+} water.');
  t.equal(compare('One two three', 'Four five three'), '[-One two-]{+Four five+} three');
  t.equal(compare('a\nb', 'a\nb\nc'), 'a\nb{+\nc+}');
  t.equal(compare('same', 'same'), 'same');
  t.equal(compare('今日は晴れです', '今日は雨です'), '今日は[-晴れ-]{+雨+}です', 'also where no spaces are');
  t.equal(compare('x y', ' '), '[-x-] [-y-]', 'a space that both have is only joined to a replacement');
  t.equal(compare(' ', 'x y'), '{+x+} {+y+}');
  t.equal(compare('x ', 'y '), '[-x-]{+y+} ');
  t.match(compareTexts({ former: 'One two.', next: 'One two, three and four!' }), { added: 3, removed: 0 });
  t.match(compareTexts({ former: 'One two, three.', next: 'One.' }), { added: 0, removed: 2 });
});

t.test('unchanged text is shown only around changes, and characters are never split', async (t) => {
  const long = '😀'.repeat(1000);
  t.equal(
    compare(`${long} old ${long}`, `${long} new ${long}`).replaceAll('😀', '').trim(),
    '⋯ [-old-]{+new+} ⋯',
  );
  const { parts } = compareTexts({
    former: `${long} a ${long} b ${long}`,
    next: `${long} c ${long} d ${long}`,
  });
  t.same(
    parts.map(({ kind, text }) => `${kind} ${[...text].length}`).join(', '),
    'cut 0, same 200, removed 1, added 1, same 200, cut 0, same 200, removed 1, added 1, same 200, cut 0',
  );
  t.ok(
    compareTexts({ former: `${long} old`, next: `${long} new` }).parts.every(({ text }) =>
      text.isWellFormed(),
    ),
  );
});

t.test('hostile texts are compared in bounded time and size', async (t) => {
  const app = await build(t);
  const LENGTH = 50_000;
  const fill = (make: (index: number) => string) =>
    Array.from({ length: LENGTH }, (_, index) => make(index))
      .join('')
      .slice(0, LENGTH);
  const pairs = {
    'long words': ['a'.repeat(LENGTH), 'b'.repeat(LENGTH)],
    'one line of short words': [fill((n) => `${n % 7} `), fill((n) => `${n % 5} `)],
    'words that never match': [fill((n) => `a${n} `), fill((n) => `b${n} `)],
    'every other word': [fill((n) => `${n} x `), fill((n) => `${n} y `)],
    'short lines': [fill((n) => `${n % 11}\n`), fill((n) => `${n % 13}\n`)],
    accents: ['e\u0301'.repeat(LENGTH / 2), 'e\u0300'.repeat(LENGTH / 2)],
  };
  for (const [what, [former = '', next = '']] of Object.entries(pairs)) {
    const start = performance.now();
    const { parts } = await app.compareTexts({ former, next });
    t.comment(`${what}: ${parts.length} parts in ${Math.round(performance.now() - start)} ms`);
    t.ok(parts.length <= 4_000, what);
    t.equal(parts.filter(({ kind }) => kind === 'added').length > 0, true);
    const replaced = [
      { kind: 'removed', text: former },
      { kind: 'added', text: next },
    ];
    if (what === 'short lines') t.same(parts, replaced, 'too many differences even by lines');
  }
  const many = Array.from({ length: 120 }, () =>
    app.compareTexts({ former: pairs['long words'][0] ?? '', next: 'x' }),
  );
  const outcomes = await Promise.allSettled(many);
  const refused = outcomes.filter(({ status }) => status === 'rejected').length;
  t.ok(refused > 0 && refused < 120, `of 120 at once, ${refused} are asked to come again`);
});
