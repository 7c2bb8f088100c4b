import sanitizeHtml from 'sanitize-html';
import { MAX_NESTING } from './parser.ts';

/** Search engines should not count users' links, and the linked page must not get access to ours. */
const LINK_REL = 'nofollow ugc noopener';

/** Classes of links that the renderer itself makes, to pages of this site. */
const OWN_LINKS = new Set(['footnote', 'mention', 'tag']);

const REGION = ['aria-label', 'role', 'tabindex'];

/** Everything that the renderer makes. People may use less; see html.ts. */
const OPTIONS: sanitizeHtml.IOptions = {
  allowedTags: [
    ...'a abbr acronym b blockquote br code del div em h1 h2 h3 h4 h5 h6 hr i img input kbd li ol p pre'.split(
      ' ',
    ),
    ...'s section span strong sub sup table tbody td th thead tr ul'.split(' '),
  ],
  allowedAttributes: {
    a: ['aria-label', 'href', 'id', 'rel', 'title'],
    abbr: ['title'],
    acronym: ['title'],
    div: REGION,
    img: ['alt', 'decoding', 'height', 'loading', 'sizes', 'src', 'srcset', 'title', 'width'],
    input: ['aria-label', 'checked', 'disabled', 'type'],
    li: ['id'],
    ol: ['start'],
    pre: REGION,
  },
  allowedClasses: {
    a: [...OWN_LINKS],
    code: ['language-*'],
    div: ['scroll'],
    li: ['task'],
    section: ['footnotes'],
    span: ['hl-*', '*_'],
    td: ['align-*'],
    th: ['align-*'],
  },
  allowedSchemes: ['http', 'https', 'mailto'],
  allowProtocolRelative: false,
  nestingLimit: 4 * MAX_NESTING,
  transformTags: {
    a: (tagName, attribs) => ({
      tagName,
      attribs: attribs.href && !OWN_LINKS.has(attribs.class ?? '') ? { ...attribs, rel: LINK_REL } : attribs,
    }),
  },
};

/** Removes from HTML whatever the renderer would not make, and closes open tags. */
export function sanitize(html: string): string {
  return sanitizeHtml(html, OPTIONS).trim();
}
