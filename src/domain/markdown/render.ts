import createMarkdownIt, { type MarkdownIt, type Token } from 'markdown-it';
import sanitizeHtml from 'sanitize-html';

/** A text as it was written, with the HTML it becomes. */
export interface Rendered {
  readonly body: string;
  readonly html: string;
}

/** Renders Markdown to HTML that is safe to show. Both throw DomainError `unrenderable`, or Busy. */
export interface Markdown {
  post(body: string): Promise<Rendered>;
  /** A comment has no blocks: its lines stay lines of text. */
  comment(body: string): Promise<Rendered>;
}

export type TextKind = 'post' | 'comment';

/** How long a text may be, in characters. */
export const LONGEST_BODY = 50_000;

/** The HTML of a text would be larger than it may be. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** How many characters of HTML a text may become: a few of its own characters can ask for thousands. */
function mostHtmlFor(body: string): number {
  return 4 * body.length + 65_536;
}

const TAGS: Record<TextKind, string[]> = {
  post: 'a abbr acronym b blockquote br code em h1 h2 h3 i li ol p pre strong ul'.split(' '),
  comment: 'a abbr acronym b code em i strong'.split(' '),
};

/** Search engines must not count such a link, and the page it opens learns nothing about ours. */
const LINK_REL = 'nofollow ugc noopener';

/** How deep lists, quotes and emphasis may be nested; what is deeper stays plain text. */
const MAX_NESTING = 20;

/** Words longer than this are not searched for links, because the search takes the square of their length. */
const LONGEST_LINK = 1_000;

const markdown = createParser();

/**
 * Renders Markdown to safe HTML, on the calling thread. It may take seconds: a request uses `app.markdown`.
 *
 * @throws TooLarge as soon as the HTML exceeds `mostHtmlFor(body)`
 */
export function render(kind: TextKind, body: string): string {
  const most = mostHtmlFor(body);
  let html = '';
  for (const part of partsOf(markdown.parse(body, {}))) {
    if (html.length + part.length > most) throw new TooLarge();
    html += part;
  }
  const safe = sanitize(html, TAGS[kind]);
  if (safe.length > most) throw new TooLarge();
  return safe;
}

/**
 * What markdown-it's `render` puts together, token by token, so that it can be counted: a reference that is used often
 * takes no room until its address and title are written out.
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

/** HTML written in Markdown is let through here; the sanitiser decides what stays of it. */
function createParser(): MarkdownIt {
  const parser = createMarkdownIt({ html: true, linkify: true, maxNesting: MAX_NESTING });
  boundLinkSearch(parser);
  return parser;
}

/** Searches word by word, so that the time grows with the text and not with its square. */
function boundLinkSearch({ linkify }: MarkdownIt): void {
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
