import MarkdownIt from 'markdown-it';
import sanitizeHtml from 'sanitize-html';

const POST_TAGS = 'a abbr acronym b blockquote br code em h1 h2 h3 i li ol p pre strong ul'.split(' ');
const COMMENT_TAGS = 'a abbr acronym b code em i strong'.split(' ');

/** A search engine shall not count such a link, and the page it opens learns nothing of ours. */
const LINK_REL = 'nofollow ugc noopener';

/** HTML written in Markdown is let through here; what may stay of it is for the sanitiser to decide. */
const markdown = new MarkdownIt({ html: true, linkify: true });

/** Renders the Markdown of a post to HTML that is safe to show as it is. */
export function renderPost(body: string): string {
  return sanitize(body, POST_TAGS);
}

/** Renders the Markdown of a comment, which has no blocks: its lines stay lines of text. */
export function renderComment(body: string): string {
  return sanitize(body, COMMENT_TAGS);
}

function sanitize(body: string, allowedTags: string[]): string {
  return sanitizeHtml(markdown.render(body), {
    allowedTags,
    allowedAttributes: { a: ['href', 'title', 'rel'], abbr: ['title'], acronym: ['title'] },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowProtocolRelative: false,
    transformTags: {
      a: (tagName, { href, title }) => ({
        tagName,
        attribs: { ...(href && { href, rel: LINK_REL }), ...(title && { title }) },
      }),
    },
  }).trim();
}
