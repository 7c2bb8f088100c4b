import t from 'tap';
import { render } from '../../../src/domain/markdown/render.ts';

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
  const body =
    'a[^1]\n\n[^1]: one [^5]\n\n[^1]: another\n\n[^2]: unused [^3]\n\n[^3]: nested\n\n    [^4]: inner\n\n[^5]:\n    - list\n\nend';
  const [one, other] = [render('post', body).html, render('post', body).html];
  const idsIn = (html: string) => [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  t.equal(idsIn(one).length, 8);
  t.equal(new Set([...idsIn(one), ...idsIn(other)]).size, 16);
  t.match(one, /end<\/p>\n<section/, 'text after a footnote is no part of it');
  t.match(one, /<li>list<\/li>\n<\/ul>\n <a class="footnote"/, 'the link back is after the list');
  for (const word of ['one', 'another', 'unused', 'nested', 'inner']) t.match(one, word);
});
