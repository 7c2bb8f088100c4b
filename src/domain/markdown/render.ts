import type { Token } from 'markdown-it';
import { beginningOf, textOf } from './excerpt.ts';
import { moveFootnotes } from './footnotes.ts';
import { showImages } from './images.ts';
import { escapeHtml } from './markdown-it.ts';
import { parsers } from './parser.ts';
import { linkTo, type References } from './references.ts';
import { refine } from './refine.ts';
import { sanitize } from './sanitize.ts';
import { type Images, MAX_HTML_IN_LIST, type People, type Rendered, type TextKind } from './text.ts';

/** A text's HTML exceeds its limit. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge';
}

/** The maximum length of a text's HTML. Without a limit, a few characters could produce thousands. */
function htmlLimit(body: string): number {
  return 4 * body.length + 65_536;
}

/**
 * Renders Markdown to safe HTML on the calling thread. This may take seconds, so requests use `app.markdown`.
 *
 * @throws TooLarge as soon as the HTML exceeds `htmlLimit(body)`
 */
export function render(
  kind: TextKind,
  body: string,
  people: People = new Map(),
  images: Images = new Map(),
): Rendered {
  const references: References = { tags: new Set(), mentions: new Set() };
  const parsed = parsers[kind].parse(body, {});
  const shown = new Set<string>();
  refine(parsed, linkTo(kind, people, references), showImages(images, shown));
  const tokens = moveFootnotes(parsed);
  const html = toHtml(kind, tokens, htmlLimit(body));
  const excerptHtml = kind === 'post' ? excerpt(tokens, html) : null;
  const [tags, mentions] = [[...references.tags], [...references.mentions]];
  return { body, html, excerptHtml, tags, mentions, images: [...shown] };
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
  return `<p>${escapeHtml(textOf(beginning ?? tokens))}</p>`;
}

/** Does not highlight code if that would make the HTML too large. */
function toHtml(kind: TextKind, tokens: readonly Token[], limit: number): string {
  try {
    return toSafeHtml(kind, tokens, { limit, isPlain: false });
  } catch (error) {
    if (!(error instanceof TooLarge) || !tokens.some(({ type }) => type === 'fence')) throw error;
    return toSafeHtml(kind, tokens, { limit, isPlain: true });
  }
}

function toSafeHtml(
  kind: TextKind,
  tokens: readonly Token[],
  { limit, isPlain }: { limit: number; isPlain: boolean },
): string {
  let html = '';
  for (const part of partsOf(kind, [...tokens], isPlain)) {
    if (html.length + part.length > limit) throw new TooLarge();
    html += part;
  }
  const safe = sanitize(html);
  if (safe.length > limit) throw new TooLarge();
  return safe;
}

/**
 * The parts that markdown-it's `render` joins, one token at a time, to be able to stop early. A reference used
 * many times is small until its URL and title are written out.
 */
function* partsOf(kind: TextKind, tokens: Token[], isPlain: boolean): Generator<string> {
  const { options, renderer } = parsers[kind];
  for (const [index, token] of tokens.entries()) {
    const rule = renderer.rules[token.type];
    if (token.type === 'inline') yield* partsOf(kind, token.children ?? [], isPlain);
    else if (rule !== undefined) yield rule(tokens, index, options, { isPlain }, renderer);
    else yield renderer.renderToken(tokens, index, options);
  }
}
