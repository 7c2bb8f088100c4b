import { type DefaultTreeAdapterMap, parseFragment, serialize } from 'parse5';

type Node = DefaultTreeAdapterMap['childNode'];

/** What the renderer adds to any HTML. */
const ADDED = new Set(['aria-label', 'rel', 'role', 'tabindex']);

const AROUND_BLOCKS =
  / ?(<\/?(?:blockquote|br|h[1-6]|hr|li|ol|p|pre|section|table|tbody|td|th|thead|tr|ul)\b[^>]*>) ?/g;

/**
 * HTML without what makes no difference, as in CommonMark's own test/normalize.py, and in the terms of this site: images
 * from elsewhere are links, and colours of code do not count.
 */
export function normaliseHtml(html: string): string {
  const fragment = parseFragment(html);
  fragment.childNodes = fragment.childNodes.flatMap((node) => normalise(node));
  return serialize(fragment).replaceAll(/\s+/g, ' ').replaceAll(AROUND_BLOCKS, '$1').trim();
}

function normalise(node: Node, isInLink = false): Node[] {
  if (!('tagName' in node)) return [node];
  const attribute = (name: string) => node.attrs.find((each) => each.name === name)?.value ?? '';
  node.attrs = node.attrs
    .filter(({ name }) => !ADDED.has(name))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  node.childNodes = node.childNodes.flatMap((child) => normalise(child, isInLink || node.tagName === 'a'));
  if (node.tagName === 'span' || attribute('class') === 'scroll') return node.childNodes;
  if (node.tagName !== 'img') return [node];
  const title = attribute('title') === '' ? '' : ` title="${attribute('title')}"`;
  const text = attribute('alt') || attribute('src');
  return parseFragment(isInLink ? text : `<a href="${attribute('src')}"${title}>${text}</a>`).childNodes;
}
