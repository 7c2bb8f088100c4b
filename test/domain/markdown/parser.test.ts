import { createRequire } from 'node:module';
import t from 'tap';
import { render } from '../../../src/domain/markdown/render.ts';
import { normaliseHtml } from '../../support/normalise-html.ts';
import { DEVIATIONS } from './deviations.ts';

interface Example {
  readonly number: number;
  readonly markdown: string;
  readonly html: string;
}

const { tests }: { tests: readonly Example[] } = createRequire(import.meta.url)('commonmark-spec');

/** The examples write a tab as an arrow. */
const withTabs = (text: string) => text.replaceAll('→', '\t');

t.test("CommonMark's own examples render as they say, or differ for a listed reason", async (t) => {
  t.equal(tests.length, 652);
  const different = tests.filter(({ markdown, html }) => {
    const rendered = render('post', withTabs(markdown)).html;
    return normaliseHtml(rendered) !== normaliseHtml(withTabs(html));
  });
  t.same(
    different.map(({ number }) => number),
    Object.values(DEVIATIONS)
      .flat()
      .sort((one, other) => one - other),
  );
});

/** What GFM adds to CommonMark, section by section. No package has the examples of its specification. */
const EXAMPLES: readonly (readonly [rule: string, markdown: string, html: string])[] = [
  [
    'a table has a header, and cells are inline text',
    '| name | *price* |\n| --- | --- |\n| apple | `1.20` |',
    '<table><thead><tr><th>name</th><th><em>price</em></th></tr></thead><tbody><tr><td>apple</td><td><code>1.20</code></td></tr></tbody></table>',
  ],
  [
    'columns are aligned, and the outer pipes are optional',
    'a | b | c\n:-: | -: | :-\n1 | 2 | 3',
    '<table><thead><tr><th class="align-center">a</th><th class="align-right">b</th><th class="align-left">c</th></tr></thead><tbody><tr><td class="align-center">1</td><td class="align-right">2</td><td class="align-left">3</td></tr></tbody></table>',
  ],
  [
    'a pipe in a cell is escaped, also in code',
    '| a\\|b |\n| - |\n| `x\\|y` **\\|** |',
    '<table><thead><tr><th>a|b</th></tr></thead><tbody><tr><td><code>x|y</code> <strong>|</strong></td></tr></tbody></table>',
  ],
  [
    'a table ends at another block, or at a blank line',
    '| a |\n| - |\n| 1 |\n> quote\n\ntext',
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table><blockquote><p>quote</p></blockquote><p>text</p>',
  ],
  [
    'a line without pipes is a row too',
    '| a | b |\n| - | - |\n| 1 | 2 |\nx',
    '<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr><tr><td>x</td><td></td></tr></tbody></table>',
  ],
  [
    'the header has as many cells as the line below it',
    '| a | b |\n| - |\n| 1 |',
    '<p>| a | b | | - | | 1 |</p>',
  ],
  [
    'cells that are missing are empty, and those that are too many are left out',
    '| a | b |\n| - | - |\n| 1 |\n| 1 | 2 | 3 |',
    '<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td></td></tr><tr><td>1</td><td>2</td></tr></tbody></table>',
  ],
  ['a table may have no rows', '| a |\n| - |', '<table><thead><tr><th>a</th></tr></thead></table>'],
  [
    'items of a list may be tasks',
    '- [ ] open\n- [x] done',
    '<ul><li class="task"><input type="checkbox" disabled> open</li><li class="task"><input type="checkbox" disabled checked> done</li></ul>',
  ],
  [
    'tasks may be nested, and in paragraphs',
    '1. [X] one\n\n   - [ ] two\n\n2. [z] three',
    '<ol><li class="task"><p><input type="checkbox" disabled checked> one</p><ul><li class="task"><input type="checkbox" disabled> two</li></ul></li><li><p>[z] three</p></li></ol>',
  ],
  [
    'a task has a space and stands first',
    '- [ ]open\n- so [ ] open',
    '<ul><li>[ ]open</li><li>so [ ] open</li></ul>',
  ],
  ['two tildes strike through', '~~old~~ new', '<p><del>old</del> new</p>'],
  ['strikethrough ends with its paragraph', 'a ~~b\n\nc~~ d', '<p>a ~~b</p><p>c~~ d</p>'],
  ['of three tildes two count, here', 'a ~~~b~~~ c', '<p>a ~<del>b</del>~ c</p>'],
  ['one tilde means about, here', '~10 and ~20', '<p>~10 and ~20</p>'],
  ['www. begins a link', 'www.example.org', '<p><a href="http://www.example.org">www.example.org</a></p>'],
  [
    'a link ends before punctuation',
    'See www.example.org/a.b. (https://example.org/x(y)) or http://example.org/q?a=b&c=d!',
    '<p>See <a href="http://www.example.org/a.b">www.example.org/a.b</a>. (<a href="https://example.org/x(y)">https://example.org/x(y)</a>) or <a href="http://example.org/q?a=b&amp;c=d">http://example.org/q?a=b&amp;c=d</a>!</p>',
  ],
  [
    'a link ends before <',
    'https://example.org/a<b',
    '<p><a href="https://example.org/a">https://example.org/a</a>&lt;b</p>',
  ],
  [
    'an email address is a link',
    'to a+b@example.org.',
    '<p>to <a href="mailto:a+b@example.org">a+b@example.org</a>.</p>',
  ],
  ['other schemes are text', 'ftp://example.org', '<p>ftp://example.org</p>'],
  ['dangerous tags are text', 'a <title> <b>b</b>', '<p>a &lt;title&gt; <b>b</b></p>'],
];

for (const [rule, markdown, html] of EXAMPLES) {
  t.test(rule, async (t) => t.equal(normaliseHtml(render('post', markdown).html), normaliseHtml(html)));
}
