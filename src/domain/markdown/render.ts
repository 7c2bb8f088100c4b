import type { Token } from 'markdown-it';
import sanitizeHtml from 'sanitize-html';
import { beginningOf, textOf } from './excerpt.ts';
import { MAX_NESTING, parser } from './parser.ts';
import { linkReferences } from './references.ts';
import type { People, Rendered, TextKind } from './text.ts';

/** A text's HTML exceeds its limit. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** The most characters of HTML a text may render to. Without a limit, a few characters can produce thousands. */
function htmlLimit(body: string): number {
  return 4 * body.length + 65_536;
}

/** The most characters of HTML of a post in a list, so that a page of long texts does not grow to megabytes. */
const MAX_HTML_IN_LIST = 10_000;

const TAGS: Record<TextKind, string[]> = {
  post: 'a abbr acronym b blockquote br code em h1 h2 h3 i li ol p pre strong ul'.split(' '),
  comment: 'a abbr acronym b code em i strong'.split(' '),
};

/** Search engines should not count users' links, and the linked page must not get access to ours. */
const LINK_REL = 'nofollow ugc noopener';

/**
 * Renders Markdown to safe HTML on the calling thread. This may take seconds, so requests use `app.markdown`.
 *
 * @throws TooLarge as soon as the HTML exceeds `htmlLimit(body)`
 */
export function render(kind: TextKind, body: string, people: People = new Map()): Rendered {
  const limit = htmlLimit(body);
  const tokens = parser.parse(body, {});
  const { tags, mentions } = linkReferences(tokens, kind, people);
  const html = toHtml(kind, tokens, limit);
  return {
    body,
    html,
    excerptHtml: kind === 'post' ? excerpt(tokens, html) : null,
    tags: [...tags],
    mentions: [...mentions],
  };
}

/** The excerpt of a post. A post with more markup than a list should have gets one without markup. */
function excerpt(tokens: readonly Token[], html: string): string | null {
  const beginning = beginningOf(tokens);
  if (beginning === null && html.length <= MAX_HTML_IN_LIST) return null;
  try {
    if (beginning !== null) return toHtml('post', beginning, MAX_HTML_IN_LIST);
  } catch (error) {
    if (!(error instanceof TooLarge)) throw error;
  }
  return `<p>${parser.utils.escapeHtml(textOf(beginning ?? tokens))}</p>`;
}

function toHtml(kind: TextKind, tokens: readonly Token[], limit: number): string {
  let html = '';
  for (const part of partsOf([...tokens])) {
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
  const { options, renderer } = parser;
  for (const [index, token] of tokens.entries()) {
    const rule = renderer.rules[token.type];
    if (token.type === 'inline') yield* partsOf(token.children ?? []);
    else if (rule !== undefined) yield rule(tokens, index, options, {}, renderer);
    else yield renderer.renderToken(tokens, index, options);
  }
}

function sanitize(html: string, allowedTags: string[]): string {
  return sanitizeHtml(html, {
    allowedTags,
    allowedAttributes: { a: ['class', 'href', 'title', 'rel'], abbr: ['title'], acronym: ['title'] },
    allowedClasses: { a: ['mention', 'tag'] },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowProtocolRelative: false,
    nestingLimit: 4 * MAX_NESTING,
    transformTags: {
      a: (tagName, { class: className, href, title }) => ({
        tagName,
        attribs: {
          ...(className && { class: className }),
          ...(href && { href, ...(!className && { rel: LINK_REL }) }),
          ...(title && { title }),
        },
      }),
    },
  }).trim();
}
