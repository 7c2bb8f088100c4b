import type { Token } from 'markdown-it';

/** Posts that take more room than this, about a screen, have an excerpt. */
const MAX_UNCUT_ROOM = 1_200;

/** The room of an excerpt, approximately. */
const EXCERPT_ROOM = 600;

/** A shorter excerpt is filled up with part of the next block. */
const MIN_EXCERPT_ROOM = EXCERPT_ROOM / 2;

/** Room is measured in characters. A line takes at least LINE_ROOM, and an image IMAGE_ROOM. */
const LINE_ROOM = 40;
const IMAGE_ROOM = 200;

/**
 * The tokens of the beginning of a long post: its first blocks, up to about 600 characters. Truncates a longer block, also
 * the second one after a short first one such as a heading. Null if the post is short.
 *
 * Changes the tokens, so render the whole post before.
 */
export function beginningOf(tokens: readonly Token[]): Token[] | null {
  if (roomOf(tokens) <= MAX_UNCUT_ROOM) return null;
  const kept: Token[][] = [];
  let room = EXCERPT_ROOM;
  for (const block of blocksOf(tokens)) {
    const size = roomOf(block);
    if (size > room && room < EXCERPT_ROOM - MIN_EXCERPT_ROOM) break;
    kept.push(size > room ? truncate(block, room) : block);
    room -= size;
    if (room <= 0) break;
  }
  while (kept.length > 1 && kept.at(-1)?.[0]?.type === 'heading_open') kept.pop();
  return kept.flat().map(withoutFootnotes);
}

/** The blocks of a text, without its footnotes. */
function* blocksOf(tokens: readonly Token[]): Generator<Token[]> {
  let block: Token[] = [];
  let depth = 0;
  for (const token of tokens) {
    if (token.type === 'notes_open') return;
    block.push(token);
    depth += token.nesting;
    if (depth > 0) continue;
    yield block;
    block = [];
  }
}

function roomOf(tokens: readonly Token[]): number {
  return tokens.reduce((sum, token) => sum + roomOfOne(token), 0);
}

function roomOfOne({ type, content, children }: Token): number {
  if (children !== null) return Math.max(roomOf(children), LINE_ROOM);
  if (type === 'own_image') return IMAGE_ROOM;
  if (type === 'hardbreak') return LINE_ROOM;
  if (type === 'html_inline') return 0;
  if (type === 'fence' || type === 'code_block')
    return content.split('\n').reduce((sum, line) => sum + Math.max(line.length, LINE_ROOM), 0);
  return content.length;
}

/** The part of some tokens that fits into the room. Closes elements that are still open. */
function truncate(tokens: readonly Token[], room: number): Token[] {
  const kept: Token[] = [];
  let left = room;
  let omitted = 0;
  for (const token of tokens) {
    if (left > 0) {
      const size = roomOfOne(token);
      if (size > left) shorten(token, left);
      left -= size;
      kept.push(token);
    } else if (token.nesting < 0 && omitted === 0) kept.push(token);
    else omitted += token.nesting;
  }
  return kept;
}

/** Shortens one token to some room. */
function shorten(token: Token, room: number): void {
  // Does not split a surrogate pair.
  const start = token.content.slice(0, room).replace(/[\uD800-\uDBFF]$/, '');
  if (token.type === 'inline') token.children = truncate(token.children ?? [], room);
  else if (token.type === 'fence' || token.type === 'code_block')
    token.content = `${start.split('\n', Math.ceil(room / LINE_ROOM)).join('\n')}…\n`;
  else if (token.type !== 'own_image') token.content = `${start.replace(/\s+\S*$/, '')}…`;
}

/** The text without markup. */
export function textOf(tokens: readonly Token[]): string {
  const parts = tokens.map(({ content, children }) => (children === null ? content : textOf(children)));
  return parts.join(' ').replaceAll(/\s+/g, ' ').trim();
}

/** References to footnotes are left out, because an excerpt has no footnotes. */
function withoutFootnotes(token: Token): Token {
  token.children = token.children?.filter(({ type }) => type !== 'footnote_ref') ?? null;
  return token;
}
