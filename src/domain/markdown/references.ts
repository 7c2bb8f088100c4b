import type { Token } from 'markdown-it';
import { MarkdownToken } from './parser.ts';
import type { People, TextKind } from './text.ts';

/** The people and topics that a text may name. More are left as text. */
const MAX_CANDIDATES = 20;
const MAX_TAGS = 10;

const LONGEST_NAME = 64;
const LONGEST_TAG = 40;

/**
 * `@username`, as usernames are registered, or `#tag`, of letters of any script, digits, `_` and `-`. Neither is part of
 * a word, an email address, an account on another site (`@susan@example.com`), an entity or a path.
 */
const REFERENCE =
  /(?<![\p{L}\p{M}\p{N}_&#@/])(?:@(?<name>[A-Za-z][A-Za-z0-9_.]*)(?![\p{L}\p{M}\p{N}_.@])|#(?<tag>[\p{L}\p{M}\p{N}_-]+))/gu;

/** What a text names. */
interface References {
  readonly tags: Set<string>;
  readonly mentions: Set<number>;
}

/**
 * The usernames, in lower case, that a text may mention; at most 20. A name that ends in dots is followed by the name
 * without them, because the dot may be the sentence's.
 */
export function candidatesOf(body: string): string[] {
  const names = new Set<string>();
  for (const { groups } of body.matchAll(REFERENCE)) {
    for (const name of namesIn(groups?.name)) {
      if (names.size === MAX_CANDIDATES) return [...names];
      names.add(name);
    }
  }
  return [...names];
}

function namesIn(written = ''): string[] {
  const name = written.toLowerCase();
  const withoutDots = name.replace(/\.+$/, '');
  return [...new Set([name, withoutDots])].filter(({ length }) => length > 0 && length <= LONGEST_NAME);
}

/** The tag as it is stored: in lower case. Undefined if it is too long or has no letter. */
function tagIn(written = ''): string | undefined {
  const tag = written.normalize('NFC').toLowerCase();
  return /\p{L}/u.test(tag) && [...tag].length <= LONGEST_TAG ? tag : undefined;
}

/**
 * Makes links of the mentions, and in posts of the tags, in a parsed text. Code and links stay as they are. Escaped
 * characters must still be tokens of their own, so that `\@susan` is no mention.
 */
export function linkReferences(tokens: readonly Token[], kind: TextKind, people: People): References {
  const references: References = { tags: new Set(), mentions: new Set() };
  const linkOf = ({ 0: text, groups = {} }: RegExpExecArray): Link | undefined => {
    const name = namesIn(groups.name).find((each) => people.has(each));
    const id = people.get(name ?? '');
    if (name !== undefined && id !== undefined) {
      references.mentions.add(id);
      return { className: 'mention', href: `/user/by-id/${id}`, text: text.slice(0, 1 + name.length) };
    }
    const tag = kind === 'post' ? tagIn(groups.tag) : undefined;
    if (tag === undefined || (references.tags.size === MAX_TAGS && !references.tags.has(tag)))
      return undefined;
    references.tags.add(tag);
    return { className: 'tag', href: `/tag/${encodeURIComponent(tag)}`, text };
  };
  for (const token of tokens) {
    if (token.children !== null && /[#@]/.test(token.content))
      token.children = withLinks(token.children, linkOf);
  }
  return references;
}

/** What replaces a mention or a tag. Its text leaves out the dots that end a sentence. */
interface Link {
  readonly className: string;
  readonly href: string;
  readonly text: string;
}

type LinkOf = (match: RegExpExecArray) => Link | undefined;

function withLinks(tokens: readonly Token[], linkOf: LinkOf): Token[] {
  let before = '';
  let depth = 0;
  return tokens.flatMap((token) => {
    depth += linkNesting(token);
    const parts = token.type === 'text' && depth <= 0 ? split(token, before, linkOf) : [token];
    before = token.type.startsWith('text') ? token.content.slice(-1) : '';
    return parts;
  });
}

/** 1 for the beginning of a link and -1 for its end, in Markdown or HTML. */
function linkNesting({ type, content }: Token): number {
  if (type === 'link_open' || (type === 'html_inline' && /^<a[\s>]/i.test(content))) return 1;
  return type === 'link_close' || (type === 'html_inline' && /^<\/a\s*>/i.test(content)) ? -1 : 0;
}

/** @param before the character before the text, or nothing */
function split(token: Token, before: string, linkOf: LinkOf): Token[] {
  const text = before + token.content;
  const parts: Token[] = [];
  let end = before.length;
  for (const match of text.matchAll(REFERENCE)) {
    const link = match.index < before.length ? undefined : linkOf(match);
    if (link === undefined) continue;
    parts.push(textToken(text.slice(end, match.index)), linkToken(link));
    end = match.index + link.text.length;
  }
  return parts.length === 0 ? [token] : [...parts, textToken(text.slice(end))];
}

function textToken(content: string): Token {
  const token = new MarkdownToken('text', '', 0);
  token.content = content;
  return token;
}

function linkToken({ className, href, text }: Link): Token {
  const token = new MarkdownToken('reference', 'a', 0);
  token.attrs = [
    ['class', className],
    ['href', href],
  ];
  token.content = text;
  return token;
}
