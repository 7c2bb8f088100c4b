import type { Token } from 'markdown-it';
import type { ImageOf } from './images.ts';
import { createToken } from './markdown-it.ts';
import { type LinkOf, splitAtReferences } from './references.ts';

/** The checkbox at the beginning of a task list item. */
const TASK = /^\[([ xX])\](?=\s)/;

/**
 * Adds this site's extensions to a parsed text: links for mentions and tags, checkboxes for task lists, and images. An image
 * on another site becomes a link, because loading it would tell that site who reads the text.
 */
export function refine(tokens: readonly Token[], linkOf: LinkOf, imageOf: ImageOf): void {
  for (const [index, token] of tokens.entries()) {
    if (token.type === 'inline') {
      token.children = refineInline(token.children ?? [], linkOf, imageOf);
      const [item, paragraph] = tokens.slice(Math.max(index - 2, 0), index);
      if (item?.type === 'list_item_open' && paragraph?.type === 'paragraph_open')
        makeTask(item, token.children);
    } else if (token.type === 'th_open' || token.type === 'td_open') useClassForAlignment(token);
  }
}

function refineInline(tokens: readonly Token[], linkOf: LinkOf, imageOf: ImageOf): Token[] {
  let before = '';
  let depth = 0;
  return tokens.flatMap((token) => {
    depth += linkNesting(token);
    const isInLink = depth > 0;
    const parts =
      token.type === 'image'
        ? refineImage(token, imageOf, isInLink)
        : token.type === 'text' && !isInLink
          ? splitAtReferences(token, before, linkOf)
          : [token];
    // As it was written. An autolink is part of the text before it. A character may be a surrogate pair.
    if (token.info !== 'auto') before = (token.markup || token.content).slice(-2);
    return parts;
  });
}

/** 1 for the beginning of a link and -1 for its end, in Markdown or HTML. */
function linkNesting({ type, content }: Token): number {
  if (type === 'link_open' || (type === 'html_inline' && /^<a[\s>]/i.test(content))) return 1;
  return type === 'link_close' || (type === 'html_inline' && /^<\/a\s*>/i.test(content)) ? -1 : 0;
}

/** An image that may be shown; otherwise a link to it, or inside a link its alternative text. */
function refineImage(image: Token, imageOf: ImageOf, isInLink: boolean): Token[] {
  const src = String(image.attrGet('src') ?? '');
  const title = image.attrGet('title');
  const attrs = title === null ? {} : { title: String(title) };
  const alt = alternativeOf(image);
  const shown = imageOf(src);
  if (shown !== undefined) return [createToken('own_image', 'img', { attrs: { ...shown, alt, ...attrs } })];
  const text = createToken('text', '', { content: alt === '' ? src : alt });
  if (isInLink) return [text];
  return [
    createToken('link_open', 'a', { nesting: 1, attrs: { href: src, ...attrs } }),
    text,
    createToken('link_close', 'a', { nesting: -1 }),
  ];
}

function alternativeOf({ children, content }: Token): string {
  return (
    children?.map((child) => (child.type === 'softbreak' ? ' ' : alternativeOf(child))).join('') ?? content
  );
}

function makeTask(item: Token, children: Token[]): void {
  const [first] = children;
  const [box, mark] = TASK.exec(first?.type === 'text' ? first.content : '') ?? [];
  if (first === undefined || box === undefined) return;
  item.attrJoin('class', 'task');
  first.content = first.content.slice(box.length);
  const checked = mark === ' ' ? {} : { checked: '' };
  const attrs = { type: 'checkbox', disabled: '', ...checked, 'aria-label': 'Done' };
  children.unshift(createToken('task', 'input', { attrs }));
}

/** The parser sets a style, which the Content Security Policy forbids. */
function useClassForAlignment(cell: Token): void {
  const [, side] = /^text-align:(\w+)$/.exec(String(cell.attrGet('style') ?? '')) ?? [];
  if (side !== undefined) cell.attrs = [['class', `align-${side}`]];
}
