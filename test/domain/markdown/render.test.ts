import fc from 'fast-check';
import { type DefaultTreeAdapterMap, parseFragment } from 'parse5';
import t from 'tap';
import { render as renderAll, TooLarge } from '../../../src/domain/markdown/render.ts';
import type { TextKind } from '../../../src/domain/markdown/text.ts';

const KEY = 'k'.repeat(22);
const images = new Map([[KEY, { width: 700, height: 500 }]]);
const render = (kind: TextKind, body: string) => renderAll(kind, body, undefined, images).html;

/** The elements and attributes of comments; and those that posts have in addition. */
const IN_COMMENTS: Readonly<Record<string, readonly string[]>> = {
  a: ['aria-label', 'class', 'href', 'id', 'title', 'rel'],
  abbr: ['title'],
  acronym: ['title'],
  code: ['class'],
  input: ['type', 'disabled', 'checked', 'aria-label'],
  li: ['class', 'id'],
  ol: ['start'],
  pre: ['aria-label', 'role', 'tabindex'],
  section: ['class'],
  span: ['class'],
  ...Object.fromEntries(
    'b blockquote br del em i kbd p s strong sub sup ul'.split(' ').map((tag) => [tag, []]),
  ),
};
const IN_POSTS: Readonly<Record<string, readonly string[]>> = {
  ...IN_COMMENTS,
  div: ['aria-label', 'class', 'role', 'tabindex'],
  img: ['alt', 'decoding', 'height', 'loading', 'sizes', 'src', 'srcset', 'title', 'width'],
  td: ['class'],
  th: ['class'],
  ...Object.fromEntries('h1 h2 h3 h4 h5 h6 hr table tbody thead tr'.split(' ').map((tag) => [tag, []])),
};

/** What an attribute's value is like if it can have more than the renderer's own words. */
const VALUES: Readonly<Record<string, RegExp>> = {
  class: /^(?:footnote|footnotes|mention|tag|task|scroll|align-\w+|language-\S+|hl-\w+(?: \w+_)*)$/,
  id: /^fn(?:ref)?-[\da-f]{8}-\d+(?:-\d+)?$/,
  rel: /^nofollow ugc noopener$/,
  src: /^\/images\/k+\/700\.webp$/,
  role: /^group$/,
  type: /^checkbox$/,
};

/** The page that relative links are on. */
const PAGE = 'https://pennypost.example/post/1';

/** Finds what a browser would see in the HTML although it is not allowed. */
function intrudersIn(html: string, allowed: Readonly<Record<string, readonly string[]>>): string[] {
  const intruders: string[] = [];
  const visit = (node: DefaultTreeAdapterMap['node']): void => {
    if (node.nodeName === '#comment') intruders.push('a comment');
    if ('tagName' in node) {
      const values = new Map(node.attrs.map(({ name, value }) => [name, value]));
      if (allowed[node.tagName] === undefined) intruders.push(node.tagName);
      for (const [name, value] of values) {
        if (!allowed[node.tagName]?.includes(name)) intruders.push(`${node.tagName} ${name}`);
        if (name === 'href' && !isHarmless(value)) intruders.push(value);
        if (VALUES[name]?.test(value) === false) intruders.push(`${name}="${value}"`);
      }
      const isOurs = /^(?:footnote|mention|tag)$/.test(values.get('class') ?? '');
      if (values.has('href') && values.has('rel') === isOurs) intruders.push(`${html} rel`);
    }
    if ('childNodes' in node) node.childNodes.forEach(visit);
  };
  visit(parseFragment(html));
  return intruders;
}

/** Whether a browser would follow the link to a web page or an email address, and to another site only if it names one. */
function isHarmless(href: string): boolean {
  const url = URL.parse(href, PAGE);
  if (url === null) return true;
  return /^(https?|mailto):/i.test(href.trim()) || url.origin === new URL(PAGE).origin;
}

t.test('links are classified as browsers resolve them', async (t) => {
  for (const href of [
    'https://a.b/',
    'mailto:a@b.c',
    '/user/susan',
    '?page=2',
    '#x',
    '[x](javascript:alert(1))',
  ])
    t.ok(isHarmless(href), href);
  for (const href of [
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'data:text/html,x',
    '//evil.example',
    '/\\evil.example',
  ])
    t.notOk(isHarmless(href), href);
});

t.test('Markdown becomes HTML, and plain URLs become links', async (t) => {
  t.equal(render('post', '# A *title*'), '<h1>A <em>title</em></h1>');
  t.equal(
    render('post', 'See https://example.com/a_b.'),
    '<p>See <a href="https://example.com/a_b" rel="nofollow ugc noopener">https://example.com/a_b</a>.</p>',
  );
  t.equal(render('post', '- one\n- two'), '<ul>\n<li>one</li>\n<li>two</li>\n</ul>');
  t.equal(
    render('post', '<abbr title="as soon as">asap</abbr>'),
    '<p><abbr title="as soon as">asap</abbr></p>',
  );
});

t.test('attributes and classes that Markdown needs are allowed', async (t) => {
  t.equal(
    render('post', '3. a\n\n- [x] b\n\n| c |\n|:-:|\n| d |\n\n[e](/f "g")').replaceAll('\n', ''),
    '<ol start="3"><li>a</li></ol>' +
      '<ul><li class="task"><input type="checkbox" disabled checked aria-label="Done" /> b</li></ul>' +
      '<div class="scroll" role="group" aria-label="Table" tabindex="0"><table>' +
      '<thead><tr><th class="align-center">c</th></tr></thead>' +
      '<tbody><tr><td class="align-center">d</td></tr></tbody></table></div>' +
      '<p><a href="/f" title="g" rel="nofollow ugc noopener">e</a></p>',
  );
});

t.test('comments have lists, quotes, code and line breaks; the rest stays text', async (t) => {
  t.equal(
    render('comment', 'one\ntwo\n\n- **bold**\n\n> `code`\n\n```\nblock\n```'),
    '<p>one<br />\ntwo</p>\n<ul>\n<li><strong>bold</strong></li>\n</ul>\n<blockquote>\n<p><code>code</code></p>\n' +
      '</blockquote>\n<pre tabindex="0" role="group" aria-label="Code"><code>block\n</code></pre>',
  );
  t.equal(
    render('comment', '# Loud\n---\n| a |\n|---|\n<div>'),
    '<p># Loud<br />\n---<br />\n| a |<br />\n|---|<br />\n&lt;div&gt;</p>',
  );
});

t.test('the author’s own image is shown, and any other becomes a link', async (t) => {
  const file = (width: number) => `/images/${KEY}/${width}.webp`;
  t.equal(
    render('post', `![A *cat*](/images/${KEY} "Mine")`),
    `<p><img src="${file(700)}" srcset="${file(640)} 640w, ${file(700)} 700w" sizes="min(38rem, 100vw)" ` +
      'width="700" height="500" loading="lazy" decoding="async" alt="A cat" title="Mine" /></p>',
  );
  t.match(render('post', `![](${file(640)})`), `<img src="${file(700)}"`);
  const { images: keys } = renderAll('post', `![](/images/${KEY}) ![](${file(640)})`, undefined, images);
  t.same(keys, [KEY]);
  const link = (href: string, text: string) =>
    `<p><a href="${href}" rel="nofollow ugc noopener">${text}</a></p>`;
  t.equal(
    render('post', '![A *cat*](https://a.example/cat.png)'),
    link('https://a.example/cat.png', 'A cat'),
  );
  t.equal(render('post', '![](cat.png)'), link('cat.png', 'cat.png'));
  t.equal(render('post', '[![Cat](cat.png)](/cats)'), link('/cats', 'Cat'));
  t.equal(renderAll('comment', `![Cat](/images/${KEY})`).html, link(`/images/${KEY}`, 'Cat'));
  for (const path of [`/images/${KEY}x`, `/images/${KEY}/../x`, `//images/${KEY}`, `x/images/${KEY}`])
    t.notMatch(render('post', `![x](${path})`), '<img', path);
  t.match(render('post', '![x](/images/../auth/logout)'), '<a href');
});

t.test('code is highlighted with classes if its language is known and it is not too long', async (t) => {
  const block = (language: string, code: string) => render('post', `\`\`\`${language}\n${code}\n\`\`\``);
  t.match(
    block('js', 'const a = "<b>";'),
    '<span class="hl-keyword">const</span> a = <span class="hl-string">"&lt;b&gt;"',
  );
  t.match(block('nonsense', 'const a'), '<code class="language-nonsense">const a\n</code>');
  t.notMatch(block('js', 'const a = 1;\n'.repeat(1_000)), 'hl-');
  t.notMatch(block('java', '$'.repeat(4_000)), 'hl-');
  const many = '```js\n1\n```\n'.repeat(900);
  t.notMatch(render('post', many), 'hl-', 'colours are left out if they make the HTML too large');
});

t.test('markup that is not allowed is shown as it was written', async (t) => {
  t.equal(render('post', '<script>alert(1)</script>'), '<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>');
  t.equal(render('post', 'a <u title="x">b</u>'), '<p>a &lt;u title="x"&gt;b&lt;/u&gt;</p>');
  t.equal(render('post', '[a](javascript:b)'), '<p>[a](javascript:b)</p>');
  t.equal(render('post', '<b class="tag" id="x" title=\'y\'>a</b>'), '<p><b>a</b></p>');
  t.equal(render('post', '<div>\nx\n</div>\n'), '<p>&lt;div&gt;<br />\nx<br />\n&lt;/div&gt;</p>');
  t.equal(
    render('post', '<!-- <b>x</b> -->'),
    '<p>&lt;!-- &lt;b&gt;x&lt;/b&gt; --&gt;</p>',
    'all of a block that begins so',
  );
});

t.test('an allowed tag may be written in every way that CommonMark permits', async (t) => {
  for (const tag of [
    '<a\n  href = "/x/y"  title=\'to and fro\'>',
    '<A HREF=/x/y TITLE="to and fro">',
    '<a nonsense href="/x/y" title="to and fro"  >',
  ])
    t.equal(
      render('post', `See ${tag}z</a>`),
      '<p>See <a href="/x/y" title="to and fro" rel="nofollow ugc noopener">z</a></p>',
    );
  t.equal(render('post', '  <p>x</p>'), '<p>x</p>');
});

t.test('no word of a text vanishes', async (t) => {
  const words = [
    ...[
      '# %\n\n',
      '%\n===\n\n',
      '**%** *%* ',
      '`%` ',
      '~~%~~ ',
      '% ',
      '%  \n',
      '%\\\n',
      '[%](/x) ',
      '[%](javascript:%) ',
    ],
    ...[
      '![%](https://a.b/c) ',
      `![%](/images/${KEY}) `,
      '- %\n',
      '1. %\n',
      '- [ ] %\n',
      '> %\n',
      '\n\n    %\n\n',
      '\n```js\n%\n```\n',
    ],
    ...[
      '\n\n| % | % |\n|---|:-:|\n| % | % |\n\n',
      '<b>%</b> ',
      '<div>%</div>\n\n',
      '\n\n<!-- % -->\n\n',
      '<script>%</script> ',
    ],
    ...[
      '<%> ',
      '<https://a.b/%> ',
      'www.a.b/% ',
      '#% ',
      '@% ',
      '\n\n[^n]: %\n\n',
      '[^n]% ',
      '&% ',
      '\n\n<p>% <i>%\n\n',
      '<![CDATA[%]]> ',
      `\n\n${'> '.repeat(25)}%\n`,
      `\n\n${'- '.repeat(15)}> %\n`,
    ],
  ];
  let number = 0;
  const part = fc.constantFrom(...words).map((piece) => piece.replaceAll('%', () => `word${++number}w`));
  fc.assert(
    fc.property(fc.constantFrom('post', 'comment'), fc.array(part, { maxLength: 12 }), (kind, parts) => {
      const body = parts.join('');
      const text = textIn(render(kind, body));
      const lost = body.match(/word\d+w/g)?.filter((word) => !text.includes(word));
      if (lost?.length) throw new Error(lost.join(', '));
    }),
    { numRuns: 500 },
  );
  t.pass('500 texts');
});

/** The text that readers see, and where links lead. */
function textIn(html: string): string {
  const texts: string[] = [];
  const visit = (node: DefaultTreeAdapterMap['node']): void => {
    if ('value' in node) texts.push(node.value);
    if ('attrs' in node) texts.push(...node.attrs.map(({ value }) => value));
    if ('childNodes' in node) node.childNodes.forEach(visit);
  };
  visit(parseFragment(html));
  return texts.join(' ');
}

/** From the OWASP XSS Filter Evasion Cheat Sheet, with variants in Markdown. */
const PAYLOADS = [
  '<script>alert(1)</script>',
  '<SCRIPT SRC=https://evil.example/x.js></SCRIPT>',
  '<scr<script>ipt>alert(1)</scr</script>ipt>',
  '<script/src=//evil.example>',
  '<<SCRIPT>alert(1);//\\<</SCRIPT>',
  '<IMG SRC="javascript:alert(1);">',
  '<IMG SRC=JaVaScRiPt:alert(1)>',
  '<IMG SRC=`javascript:alert("x")`>',
  '<IMG """><SCRIPT>alert(1)</SCRIPT>"\\>',
  '<img src=x onerror=alert(1)>',
  '<img src=x:alert(alt) onerror=eval(src) alt=0>',
  '<a onmouseover="alert(1)">x</a>',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="jav\tascript:alert(1)">x</a>',
  '<a href="jav&#x0A;ascript:alert(1)">x</a>',
  '<a href="&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)">x</a>',
  '<a href=" &#14;  javascript:alert(1)">x</a>',
  '<a href="\u0001javascript:alert(1)">x</a>',
  '<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">x</a>',
  '<a href="vbscript:msgbox(1)">x</a>',
  '<a href="//evil.example">x</a>',
  '<a href="feed:javascript:alert(1)">x</a>',
  '<BODY ONLOAD=alert(1)>',
  '<svg/onload=alert(1)>',
  '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
  '<svg><script>alert(1)</script></svg>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data="javascript:alert(1)"></object>',
  '<embed src="javascript:alert(1)">',
  '<form action="javascript:alert(1)"><button>x</button></form>',
  '<input onfocus=alert(1) autofocus>',
  '<video><source onerror="alert(1)"></video>',
  '<details open ontoggle=alert(1)>',
  '<style>@import "javascript:alert(1)";</style>',
  '<p style="background:url(javascript:alert(1))">x</p>',
  '<b style="position:fixed;inset:0">x</b>',
  '<meta http-equiv="refresh" content="0;url=javascript:alert(1)">',
  '<base href="https://evil.example/">',
  '<link rel="stylesheet" href="https://evil.example/x.css">',
  '<template><script>alert(1)</script></template>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<textarea><script>alert(1)</script>',
  '<xmp><script>alert(1)</script></xmp>',
  '<!--<img src="--><img src=x onerror=alert(1)//">',
  '<![CDATA[<script>alert(1)</script>]]>',
  '<?xml version="1.0"?><script>alert(1)</script>',
  '<p id="comments" class="message" name="body">x</p>',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](javascript&colon;alert(1))',
  '[x](java&#115;cript:alert(1))',
  '[x]( javascript:alert(1) )',
  '[x](data:text/html,<script>alert(1)</script>)',
  '[x](vbscript:alert(1))',
  '[x](//evil.example)',
  '[x](https://example.com "\\" onmouseover=\\"alert(1)")',
  '[x](https://example.com"onmouseover="alert(1))',
  '![x](javascript:alert(1))',
  '![x](https://evil.example/track.gif)',
  '![x"onerror="alert(1)](x)',
  '<javascript:alert(1)>',
  '<https://example.com/"onmouseover="alert(1)>',
  '[a][b]\n\n[b]: javascript:alert(1)',
  '[[[[[[a](javascript:alert(1))](x)](x)](x)',
  '`<script>alert(1)</script>`',
  '```"><script>alert(1)</script>\nx\n```',
  '    <script>alert(1)</script>',
  '<b <script>alert(1)</script>>x</b>',
  '<a href="https://example.com" target="_blank" rel="opener" ping="https://evil.example">x</a>',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
];

t.test('nothing dangerous survives in posts or comments', async (t) => {
  for (const payload of PAYLOADS) {
    t.same(intrudersIn(render('post', payload), IN_POSTS), [], payload);
    t.same(intrudersIn(render('comment', payload), IN_COMMENTS), [], payload);
  }
});

t.test('only allowed HTML comes out, whatever is written', async (t) => {
  const fragment = fc.oneof(
    fc.constantFrom(...PAYLOADS),
    fc.constantFrom(
      '<',
      '>',
      '"',
      "'",
      '`',
      '](',
      '[',
      ')',
      '&',
      '&#',
      ';',
      '\n',
      '\t',
      '<!--',
      '-->',
      ':',
      '//',
      '\\',
      '=',
    ),
    fc.constantFrom(
      'javascript',
      'data',
      'onerror',
      'script',
      'svg',
      'style',
      'href',
      'a',
      'code',
      'pre',
      'h1',
    ),
    fc.string({ maxLength: 12 }),
  );
  const text = fc.array(fragment, { maxLength: 12 }).map((fragments) => fragments.join(''));
  fc.assert(
    fc.property(text, (body) => {
      const intruders = [
        ...intrudersIn(render('post', body), IN_POSTS),
        ...intrudersIn(render('comment', body), IN_COMMENTS),
      ];
      if (intruders.length > 0) throw new Error(intruders.join(', '));
    }),
    { numRuns: 1000 },
  );
  t.pass('1,000 texts');
});

t.test('a link ends where it would if the whole text were searched', async (t) => {
  const links = (text: string) =>
    [...render('post', text).matchAll(/href="([^"]*)"/g)].map(([, href]) => href);
  t.same(links('write to susan@example.com\nor see\thttp://example.com/*a* (https://example.net/(x)).'), [
    'mailto:susan@example.com',
    'http://example.com/*a',
    'https://example.net/(x)',
  ]);
});

/** The maximum length of a text. */
const LONGEST = 50_000;

/** Markdown's constructs, and input that has made parsers slow or their output large. */
const CONSTRUCTS = fc.oneof(
  fc.constantFrom('[a]', '[a][a]', '[a]: /b "t"\n', '[', ']', '](', '![', '![a]', '[a](b "c")', '[a](<b>)'),
  fc.constantFrom('*', '**', '_', '*a ', '*a_ ', 'a**b', '`', '``', '~~', '\\', '***a*'),
  fc.constantFrom(
    '//a.b/',
    'http://',
    'https://a.b/(',
    'a://',
    'www.a.',
    'a@',
    'a@b.co',
    '<a@b>',
    '<http://a>',
  ),
  fc.constantFrom(
    '|a|b|\n',
    '|-|-|\n',
    '|',
    '> ',
    '>\n',
    '- ',
    '-\n',
    '1. ',
    '# ',
    '#\n',
    '\n',
    '\n\n',
    '    ',
  ),
  fc.constantFrom(
    '<b>',
    '</b>',
    '<',
    '<a ',
    '<a href="',
    '<!--',
    '<?',
    '<![CDATA[',
    '<!A ',
    '<div>\n',
    '<pre>',
  ),
  fc.constantFrom(
    '&',
    '&amp;',
    '&#',
    '&#1;',
    '&quot;',
    '"',
    '\t',
    ' ',
    '\u00a0',
    '你',
    '😀',
    '```\n',
    '---\n',
  ),
  fc.string({ maxLength: 8 }),
);

/** Several repeated sequences of constructs, after references with long titles. */
const HOSTILE_TEXT = fc
  .tuple(
    fc.nat(LONGEST / 2),
    fc.array(fc.tuple(fc.array(CONSTRUCTS, { minLength: 1, maxLength: 4 }), fc.nat(LONGEST)), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([titleLength, stretches]) => {
    const reference = `[a]: /b "${'t'.repeat(titleLength)}"\n\n`;
    const repeated = stretches.map(([parts, length]) => {
      const unit = parts.join('');
      return unit.repeat(Math.ceil(length / Math.max(unit.length, 1))).slice(0, length);
    });
    return (reference + repeated.join('')).slice(0, LONGEST);
  });

t.test('HTML never exceeds its limit, whatever is written', async (t) => {
  fc.assert(
    fc.property(HOSTILE_TEXT, fc.constantFrom('post', 'comment'), (text, kind) => {
      try {
        return render(kind, text).length <= 4 * text.length + 65_536;
      } catch (error) {
        return error instanceof TooLarge;
      }
    }),
    { numRuns: 40 },
  );
  t.pass('40 long texts');
});

t.test('references are refused while they expand, before exceeding the limit', async (t) => {
  const text = `[a]: /b "${'t'.repeat(24_000)}"\n\n${'[a]'.repeat(8_000)}`;
  const before = process.memoryUsage.rss();
  t.throws(() => render('post', text), TooLarge);
  t.ok(process.memoryUsage.rss() - before < 100 * 2 ** 20, 'and not from 192 MB of HTML');
  t.ok(render('post', `${'[a]'.repeat(100)}\n\n[a]: /b "short"`), 'normal references work');
});
