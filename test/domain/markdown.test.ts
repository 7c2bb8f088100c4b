import fc from 'fast-check';
import { type DefaultTreeAdapterMap, parseFragment } from 'parse5';
import t from 'tap';
import { renderComment, renderPost } from '../../src/domain/markdown.ts';

const POST_TAGS = new Set(
  'a abbr acronym b blockquote br code em h1 h2 h3 i li ol p pre strong ul'.split(' '),
);
const COMMENT_TAGS = new Set('a abbr acronym b code em i strong'.split(' '));
const ATTRIBUTES: Record<string, Set<string>> = {
  a: new Set(['href', 'title', 'rel']),
  abbr: new Set(['title']),
  acronym: new Set(['title']),
};

/** What a browser would find in the HTML that must not be there. */
function intrudersIn(html: string, allowedTags: Set<string>): string[] {
  const intruders: string[] = [];
  const visit = (node: DefaultTreeAdapterMap['node']): void => {
    if (node.nodeName === '#comment') intruders.push('a comment');
    if ('tagName' in node) {
      if (!allowedTags.has(node.tagName)) intruders.push(node.tagName);
      for (const { name, value } of node.attrs) {
        if (!ATTRIBUTES[node.tagName]?.has(name)) intruders.push(`${node.tagName} ${name}`);
        if (name === 'href' && !/^(https?:|mailto:|\/(?!\/)|#|\?|[^:]*$)/i.test(value.trim()))
          intruders.push(value);
        if (name === 'rel' && value !== 'nofollow ugc noopener') intruders.push(value);
      }
      if (node.tagName === 'a' && node.attrs.some(({ name }) => name === 'href')) {
        if (!node.attrs.some(({ name }) => name === 'rel')) intruders.push('a link without rel');
      }
    }
    if ('childNodes' in node) node.childNodes.forEach(visit);
  };
  visit(parseFragment(html));
  return intruders;
}

t.test('Markdown becomes HTML, and plain links are found', async (t) => {
  t.equal(renderPost('# A *title*'), '<h1>A <em>title</em></h1>');
  t.equal(
    renderPost('See https://example.com/a_b.'),
    '<p>See <a href="https://example.com/a_b" rel="nofollow ugc noopener">https://example.com/a_b</a>.</p>',
  );
  t.equal(renderPost('- one\n- two'), '<ul>\n<li>one</li>\n<li>two</li>\n</ul>');
  t.equal(renderPost('<abbr title="as soon as">asap</abbr>'), '<p><abbr title="as soon as">asap</abbr></p>');
});

t.test('a comment has no blocks: their text stays', async (t) => {
  t.equal(
    renderComment('# Loud\n\n**bold** and `code`'),
    'Loud\n<strong>bold</strong> and <code>code</code>',
  );
});

/** From the OWASP XSS Filter Evasion Cheat Sheet, and what Markdown adds. */
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
    t.same(intrudersIn(renderPost(payload), POST_TAGS), [], payload);
    t.same(intrudersIn(renderComment(payload), COMMENT_TAGS), [], payload);
  }
});

t.test('whatever is written, only what is allowed comes out', async (t) => {
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
        ...intrudersIn(renderPost(body), POST_TAGS),
        ...intrudersIn(renderComment(body), COMMENT_TAGS),
      ];
      if (intruders.length > 0) throw new Error(intruders.join(', '));
    }),
    { numRuns: 2000 },
  );
  t.pass('2,000 texts');
});
