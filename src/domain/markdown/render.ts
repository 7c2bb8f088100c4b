import createMarkdownIt, { type MarkdownIt, type Token } from 'markdown-it';
import sanitizeHtml from 'sanitize-html';
import type { TextKind } from './text.ts';

/** A text's HTML exceeds its limit. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** The most characters of HTML a text may render to. Without a limit, a few characters can produce thousands. */
function htmlLimit(body: string): number {
  return 4 * body.length + 65_536;
}

const TAGS: Record<TextKind, string[]> = {
  post: 'a abbr acronym b blockquote br code em h1 h2 h3 i li ol p pre strong ul'.split(' '),
  comment: 'a abbr acronym b code em i strong'.split(' '),
};

/** Search engines should not count users' links, and the linked page must not get access to ours. */
const LINK_REL = 'nofollow ugc noopener';

/** Nesting of lists, quotes and emphasis; deeper markup stays plain text. */
const MAX_NESTING = 20;

/** Longer words are not searched for links, because the search takes quadratic time. */
const LONGEST_LINK = 1_000;

const markdown = createParser();

/**
 * Renders Markdown to safe HTML on the calling thread. This may take seconds, so requests use `app.markdown`.
 *
 * @throws TooLarge as soon as the HTML exceeds `htmlLimit(body)`
 */
export function render(kind: TextKind, body: string): string {
  const limit = htmlLimit(body);
  let html = '';
  for (const part of partsOf(markdown.parse(body, {}))) {
    if (html.length + part.length > limit) throw new TooLarge();
    html += part;
  }
  const safe = sanitize(html, TAGS[kind]);
  if (safe.length > limit) throw new TooLarge();
  return safe;
}

/**
 * The parts that markdown-it's `render` joins, one token at a time, so that rendering can stop early. A reference used
 * many times is small until its URL and title are written out.
 */
function* partsOf(tokens: Token[]): Generator<string> {
  const { options, renderer } = markdown;
  for (const [index, token] of tokens.entries()) {
    const rule = renderer.rules[token.type];
    if (token.type === 'inline') yield* partsOf(token.children ?? []);
    else if (rule !== undefined) yield rule(tokens, index, options, {}, renderer);
    else yield renderer.renderToken(tokens, index, options);
  }
}

/** HTML in Markdown passes through; the sanitiser removes what is not allowed. */
function createParser(): MarkdownIt {
  const parser = createMarkdownIt({ html: true, linkify: true, maxNesting: MAX_NESTING });
  limitLinkSearch(parser);
  return parser;
}

/** Searches for links word by word, so that the time is linear in the length of the text. */
function limitLinkSearch({ linkify }: MarkdownIt): void {
  const match = linkify.match.bind(linkify);
  const matchAtStart = linkify.matchAtStart.bind(linkify);
  linkify.test = (text) => /[.:@]/.test(text);
  linkify.matchAtStart = (text) => {
    const word = text.slice(0, LONGEST_LINK + 1).split(/\s/, 1)[0] ?? '';
    return word.length > LONGEST_LINK ? null : matchAtStart(word);
  };
  linkify.match = (text) =>
    [...text.matchAll(/\S+/g)].flatMap(({ 0: word, index }) => {
      if (word.length > LONGEST_LINK || !linkify.test(word)) return [];
      return (match(word) ?? []).map((link) => {
        link.index += index;
        link.lastIndex += index;
        return link;
      });
    });
}

function sanitize(html: string, allowedTags: string[]): string {
  return sanitizeHtml(html, {
    allowedTags,
    allowedAttributes: { a: ['href', 'title', 'rel'], abbr: ['title'], acronym: ['title'] },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowProtocolRelative: false,
    nestingLimit: 4 * MAX_NESTING,
    transformTags: {
      a: (tagName, { href, title }) => ({
        tagName,
        attribs: { ...(href && { href, rel: LINK_REL }), ...(title && { title }) },
      }),
    },
  }).trim();
}
