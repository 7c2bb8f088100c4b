import t from 'tap';
import { render } from '../../../src/domain/markdown/render.ts';
import { normaliseHtml } from '../../support/normalise-html.ts';

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

t.test('footnotes are numbered in the order of their references, and linked both ways', async (t) => {
  const { html } = render('post', 'a[^x] b[^y] c[^x] d[^none]\n\n[^y]: Why.\n[^x]: Text\n\n    more');
  t.equal(
    html.replaceAll(/(fn(?:ref)?)-[\da-f]{8}/g, '$1').replaceAll(/ aria-label="[^"]*"/g, ''),
    [
      '<p>a<sup><a class="footnote" href="#fn-1" id="fnref-1-1">1</a></sup>',
      ' b<sup><a class="footnote" href="#fn-2" id="fnref-2-1">2</a></sup>',
      ' c<sup><a class="footnote" href="#fn-1" id="fnref-1-2">1</a></sup> d[^none]</p>\n',
      '<section class="footnotes"><ol><li id="fn-1"><p>Text</p>\n<p>more ',
      '<a class="footnote" href="#fnref-1-1">↩︎</a> <a class="footnote" href="#fnref-1-2">↩︎</a></p>\n</li>',
      '<li id="fn-2"><p>Why. <a class="footnote" href="#fnref-2-1">↩︎</a></p>\n</li></ol></section>',
    ].join(''),
  );
});

t.test('the footnotes of two posts have different ids, and none is lost', async (t) => {
  const body = 'a[^1]\n\n[^1]: one\n\n[^1]: another\n\n[^2]: unused [^3]\n\n[^3]: nested\n\n    [^4]: inner';
  const [one, other] = [render('post', body).html, render('post', body).html];
  const idsIn = (html: string) => [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  t.equal(idsIn(one).length, 6);
  t.equal(new Set([...idsIn(one), ...idsIn(other)]).size, 12);
  for (const word of ['one', 'another', 'unused', 'nested', 'inner']) t.match(one, word);
});
