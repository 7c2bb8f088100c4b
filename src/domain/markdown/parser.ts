import createMarkdownIt, { type MarkdownIt, type RendererRule } from 'markdown-it';
import footnotes from 'markdown-it-footnote';
import { codeBlock } from './code.ts';
import { htmlBlock, htmlInline } from './html.ts';
import { escapeHtml } from './markdown-it.ts';
import type { TextKind } from './text.ts';

/** Nesting of lists, quotes and emphasis; deeper markup stays plain text. */
export const MAX_NESTING = 20;

/** Longer words are not searched for links, because the search takes quadratic time. */
const MAX_LINK_LENGTH = 1_000;

/** Web pages, email addresses and paths on this site. `//` and `/\` lead to another one. */
const LINK = /^(?:https?:|mailto:|(?![a-z][a-z\d+.-]*:|[\\/]{2}))/i;

/** An email address with a plus sign after the @, which linkify accepts as a letter. */
const IMPOSSIBLE_ADDRESS = /^mailto:[^@]*@.*\+/i;

/** Rules that comments do not use: `#` and `|` stay text. */
const ONLY_IN_POSTS = ['heading', 'lheading', 'hr', 'table', 'html_block'];

/** CommonMark with the extensions of GFM except task lists, which `refine` makes. */
function createParser(kind: TextKind): MarkdownIt {
  const parser = createMarkdownIt({
    html: true,
    linkify: true,
    breaks: kind === 'comment',
    maxNesting: MAX_NESTING,
  });
  // A link that is not allowed stays text.
  parser.validateLink = (url) => LINK.test(url);
  // `refine` must be able to tell escaped characters from others.
  parser.disable('text_join');
  keepDeepText(parser);
  keepTildes(parser);
  addWebAddresses(parser);
  limitLinkSearch(parser);
  // `moveFootnotes` replaces the latter.
  parser.use(footnotes).disable(['footnote_inline', 'footnote_tail']);
  if (kind === 'comment') parser.disable(ONLY_IN_POSTS);
  setRenderingRules(parser, kind);
  return parser;
}

function setRenderingRules({ renderer }: MarkdownIt, kind: TextKind): void {
  const { rules } = renderer;
  rules.text_special = (tokens, index) => escapeHtml(tokens[index]?.content ?? '');
  rules.html_inline = (tokens, index) => htmlInline(kind, tokens[index]?.content ?? '');
  rules.html_block = (tokens, index) => htmlBlock(kind, tokens[index]?.content ?? '');
  rules.fence = rules.code_block = (tokens, index, _options, env) => {
    const { content = '', info = '' } = tokens[index] ?? {};
    return codeBlock(content, info, env?.isPlain !== true);
  };
  rules.s_open = () => '<del>';
  rules.s_close = () => '</del>';
  rules.table_open = () => '<div class="scroll" role="group" aria-label="Table" tabindex="0">\n<table>\n';
  rules.table_close = () => '</table>\n</div>\n';
  const reference: RendererRule = (tokens, index) => {
    const token = tokens[index];
    return token === undefined ? '' : `<a${renderer.renderAttrs(token)}>${escapeHtml(token.content)}</a>`;
  };
  rules.reference = reference;
  rules.footnote_ref = (...context) => `<sup>${reference(...context)}</sup>`;
}

/** Turns markup that is nested too deeply into a paragraph, because the parser would drop it. A list takes two levels. */
function keepDeepText({ block }: MarkdownIt): void {
  block.ruler.before('table', 'deep_text', (state, startLine, endLine) => {
    if (state.level < MAX_NESTING - 2) return false;
    state.push('paragraph_open', 'p', 1);
    const text = state.push('inline', '', 0);
    text.content = state.getLines(startLine, endLine, state.blkIndent, false).trim();
    text.children = [];
    state.push('paragraph_close', 'p', -1);
    state.line = endLine;
    return true;
  });
}

/** Keeps three or more tildes as text, as GFM does; the parser would strike through with two of them. */
function keepTildes({ inline }: MarkdownIt): void {
  inline.ruler.before('strikethrough', 'tildes', (state, silent) => {
    if (state.src[state.pos] !== '~') return false;
    const { length } = state.scanDelims(state.pos, true);
    if (length < 3) return false;
    if (!silent) state.pending += '~'.repeat(length);
    state.pos += length;
    return true;
  });
}

/** Turns addresses that begin with `www.` into links, as GFM does. */
function addWebAddresses({ linkify }: MarkdownIt): void {
  const start = '//www.';
  linkify.add('www.', {
    validate: (text, position) =>
      Math.max(linkify.testSchemaAt(start + text.slice(position), 'http:', 0) - start.length, 0),
    normalize: (match) => {
      match.url = `http://${match.url}`;
    },
  });
}

/** Searches for links word by word, which takes linear time. */
function limitLinkSearch({ linkify }: MarkdownIt): void {
  const match = linkify.match.bind(linkify);
  const matchAtStart = linkify.matchAtStart.bind(linkify);
  linkify.test = (text) => /[.:@]/.test(text);
  linkify.matchAtStart = (text) => {
    const word = text.slice(0, MAX_LINK_LENGTH + 1).split(/\s/, 1)[0] ?? '';
    return word.length > MAX_LINK_LENGTH ? null : matchAtStart(word);
  };
  linkify.match = (text) =>
    [...text.matchAll(/\S+/g)].flatMap(({ 0: word, index }) => {
      if (word.length > MAX_LINK_LENGTH || !linkify.test(word)) return [];
      const links = match(word) ?? [];
      return links
        .filter(({ url }) => !IMPOSSIBLE_ADDRESS.test(url))
        .map((link) => {
          link.index += index;
          link.lastIndex += index;
          return link;
        });
    });
}

export const parsers: Readonly<Record<TextKind, MarkdownIt>> = {
  post: createParser('post'),
  comment: createParser('comment'),
};
