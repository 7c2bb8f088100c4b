import { escapeHtml } from './markdown-it.ts';
import type { TextKind } from './text.ts';

const INLINE = 'a abbr acronym b br code del em i kbd s strong sub sup'.split(' ');

/** The HTML tags that people may use. */
const TAGS: Readonly<Record<TextKind, ReadonlySet<string>>> = {
  post: new Set([...INLINE, ...'blockquote h1 h2 h3 h4 h5 h6 hr li ol p pre ul'.split(' ')]),
  comment: new Set(INLINE),
};

/** The attributes that people may use. The sanitiser checks their tags and values. */
const ATTRIBUTES = new Set(['href', 'title']);

/** CommonMark's attribute, which is part of its tag: https://spec.commonmark.org/0.31.2/#open-tag. */
const ATTRIBUTE = /\s+([a-z_:][\w.:-]*)(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?/gi;
const TAG = new RegExp(`<(/?[a-z][a-z\\d-]*)((?:${ATTRIBUTE.source})*)\\s*/?>|<`, 'gi');

/** The HTML of one tag. A tag that is not allowed is shown as text; attributes that are not allowed are dropped. */
export function htmlInline(kind: TextKind, html: string): string {
  return html.replaceAll(TAG, (tag, name: string | undefined, attributes: string) => {
    if (!isAllowed(kind, name)) return escapeHtml(tag);
    const allowed = attributes.replaceAll(ATTRIBUTE, (attribute, key: string) =>
      ATTRIBUTES.has(key.toLowerCase()) ? attribute : '',
    );
    return `<${name}${allowed}>`;
  });
}

/** The HTML of a block. If it begins with a tag that is not allowed, all of it is shown as text. */
export function htmlBlock(kind: TextKind, html: string): string {
  const [name] = /(?<=^\s*<)\/?[a-z][a-z\d-]*/i.exec(html) ?? [];
  if (isAllowed(kind, name)) return htmlInline(kind, html);
  return `<p>${escapeHtml(html.trim()).replaceAll('\n', '<br>\n')}</p>\n`;
}

function isAllowed(kind: TextKind, name = ''): boolean {
  return TAGS[kind].has(name.replace('/', '').toLowerCase());
}
