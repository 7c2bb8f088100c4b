import fc from 'fast-check';
import { parseFragment, serialize } from 'parse5';
import t from 'tap';
import { render } from '../../../src/domain/markdown/render.ts';

const excerptOf = (body: string) => render('post', body).excerptHtml;
const WORDS = 'one two three four five '.repeat(10).trim();

t.test('a short post and a comment have no excerpt', async (t) => {
  t.equal(excerptOf(`${WORDS}\n\n${WORDS}`), null);
  t.equal(render('comment', `${WORDS}\n\n`.repeat(20)).excerptHtml, null);
});

t.test('the excerpt of a long post is its first whole blocks', async (t) => {
  t.equal(
    excerptOf(`# Title\n\n${WORDS}\n\n- ${WORDS}\n\n## Next\n\n${`${WORDS}\n\n`.repeat(5)}`),
    `<h1>Title</h1>\n<p>${WORDS}</p>\n<ul>\n<li>${WORDS}</li>\n</ul>`,
  );
});

t.test('many short lines count as a long post', async (t) => {
  const excerpt = excerptOf('- a\n'.repeat(100)) ?? '';
  t.match(excerpt, /^<ul>\n(<li>a<\/li>\n){15}<\/ul>$/);
  t.match(excerptOf(`\`\`\`\n${'x\n'.repeat(100)}\`\`\``), /^<pre [^>]*><code>(x\n){14}x…\n<\/code><\/pre>$/);
  t.match(excerptOf('    x\n'.repeat(100)), /^<pre [^>]*><code>(x\n){14}x…\n<\/code><\/pre>$/);
  t.match(excerptOf('x  \n'.repeat(100)), /^<p>(x<br \/>\n){14,15}<\/p>$/);
});

t.test('an image takes the room of five lines', async (t) => {
  const key = 'k'.repeat(22);
  const images = new Map([[key, { width: 40, height: 30 }]]);
  const body = `![a](/images/${key})\n\n`.repeat(7);
  t.equal(render('post', body, new Map(), images).excerptHtml?.match(/<img /g)?.length, 3);
});

t.test('an excerpt has no footnotes and no references to them', async (t) => {
  t.equal(excerptOf(`a[^1] b\n\n[^1]: ${`${WORDS} `.repeat(8)}`), '<p>a b</p>');
});

t.test('a block that is too long is truncated between words, and its markup is closed', async (t) => {
  const excerpt = excerptOf(`# Title\n\n> **${`${WORDS} `.repeat(10).trim()}**`) ?? '';
  t.match(
    excerpt,
    /^<h1>Title<\/h1>\n<blockquote>\n<p><strong>[a-z ]{400,600}[a-z]…<\/strong><\/p>\n<\/blockquote>$/,
  );
  t.match(excerptOf('文'.repeat(2_000)), /^<p>文{600}…<\/p>$/);
  t.match(excerptOf(`# ${`${WORDS} `.repeat(10)}`), /^<h1>[a-z ]{400,600}…<\/h1>$/);
});

t.test('a post with too much markup for a list has an excerpt without markup', async (t) => {
  const body = `${`[one](/x "${'t'.repeat(300)}") `.repeat(60)}`;
  t.match(excerptOf(body), /^<p>(one ){59}one<\/p>$/);
  t.match(excerptOf(body.repeat(7)), /^<p>(one ){100,150}one…?<\/p>$/, 'nor more than the beginning');
});

t.test('an excerpt is well-formed and bounded, whatever is written', async (t) => {
  const block = fc.constantFrom(
    `${WORDS}\n\n`,
    `- ${WORDS}\n  - *${WORDS}*\n\n`,
    `> ${WORDS} <b>${WORDS}\n\n`,
    `\`\`\`\n<i>${WORDS}\n\n`,
    `<ul><li>${WORDS}\n\n`,
    `| a | b |\n|-|-|\n${'| 😀😀 | b |\n'.repeat(20)}\n`,
    `${'😀'.repeat(900)}\n\n`,
    '[^1] [a](/b "c") ![d](/e)\n\n[^1]: note\n\n',
  );
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 12 }), (blocks) => {
      const { html, excerptHtml } = render('post', blocks.join(''));
      if (excerptHtml === null) return html.length <= 10_000;
      return (
        excerptHtml.length <= 10_000 &&
        excerptHtml.isWellFormed() &&
        serialize(parseFragment(serialize(parseFragment(excerptHtml)))) ===
          serialize(parseFragment(excerptHtml))
      );
    }),
    { numRuns: 200 },
  );
  t.pass('200 texts');
});
