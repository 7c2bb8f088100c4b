import type { Token } from 'markdown-it';
import { MAX_TAGS, pathOfTag, readTag } from '../tags/name.ts';
import { createToken } from './markdown-it.ts';
import type { People, TextKind } from './text.ts';

/** How many people a text can mention. Further mentions stay plain text, and so do tags beyond `MAX_TAGS`. */
const MAX_CANDIDATES = 20;

const MAX_NAME_LENGTH = 64;

/**
 * `@username`, as usernames are registered, or `#tag`, of letters of any script, digits, `_` and, except at its ends, `-`.
 * Neither can be part of a word, an email address, an account on another site (`@susan@example.com`), an entity or a path.
 */
const REFERENCE =
  /(?<![\p{L}\p{M}\p{N}_&#@/])(?:@(?<name>[A-Za-z][A-Za-z0-9_.]*)(?![\p{L}\p{M}\p{N}_.@])|#(?<tag>[\p{L}\p{M}\p{N}_](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}_])?))/gu;

/** The tags and people that a text refers to. */
export interface References {
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
    // An underscore may end emphasis.
    for (const name of namesIn(groups?.name, '._')) {
      if (names.size === MAX_CANDIDATES) return [...names];
      names.add(name);
    }
  }
  return [...names];
}

/** The name, and the name without these characters at its end. */
function namesIn(written = '', ends = '.'): string[] {
  const name = written.toLowerCase();
  // Not by a pattern, which would take quadratic time for dots in the middle.
  let end = name.length;
  while (end > 0 && ends.includes(name.charAt(end - 1))) end -= 1;
  const names = new Set([name, name.slice(0, end)]);
  return [...names].filter(({ length }) => length > 0 && length <= MAX_NAME_LENGTH);
}

/** Returns the HTML that replaces a mention or a tag; undefined to leave it as text. */
export type LinkOf = (reference: RegExpExecArray) => Token | undefined;

/** Turns mentions and, in posts, tags into links, and adds them to the references. */
export function linkTo(kind: TextKind, people: People, { tags, mentions }: References): LinkOf {
  return ({ 0: text, groups = {} }) => {
    const name = namesIn(groups.name).find((each) => people.has(each));
    const id = people.get(name ?? '');
    if (name !== undefined && id !== undefined) {
      mentions.add(id);
      // Without the dots that end a sentence.
      return linkToken('mention', `/user/by-id/${id}`, text.slice(0, 1 + name.length));
    }
    const tag = kind === 'post' ? readTag(groups.tag ?? '') : undefined;
    if (tag === undefined || (tags.size === MAX_TAGS && !tags.has(tag))) return undefined;
    tags.add(tag);
    return linkToken('tag', pathOfTag(tag), text);
  };
}

function linkToken(className: string, href: string, content: string): Token {
  return createToken('reference', 'a', { content, attrs: { class: className, href } });
}

/**
 * Splits a text at its mentions and tags.
 *
 * @param before the character before the text; empty if there is none
 */
export function splitAtReferences(token: Token, before: string, linkOf: LinkOf): Token[] {
  const text = before + token.content;
  const parts: Token[] = [];
  let end = before.length;
  for (const match of text.matchAll(REFERENCE)) {
    const link = match.index < before.length ? undefined : linkOf(match);
    if (link === undefined) continue;
    parts.push(createToken('text', '', { content: text.slice(end, match.index) }), link);
    end = match.index + link.content.length;
  }
  return parts.length === 0 ? [token] : [...parts, createToken('text', '', { content: text.slice(end) })];
}
