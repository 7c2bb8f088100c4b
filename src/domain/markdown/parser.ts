import createMarkdownIt, { type MarkdownIt } from 'markdown-it';

/** Nesting of lists, quotes and emphasis; deeper markup stays plain text. */
export const MAX_NESTING = 20;

/** Longer words are not searched for links, because the search takes quadratic time. */
const LONGEST_LINK = 1_000;

/** HTML in Markdown passes through; the sanitiser removes what is not allowed. */
function createParser(): MarkdownIt {
  const parser = createMarkdownIt({ html: true, linkify: true, maxNesting: MAX_NESTING });
  // Escaped characters stay tokens of their own, so that they begin no mention and no tag.
  parser.disable('text_join');
  const { escapeHtml } = parser.utils;
  parser.renderer.rules.text_special = (tokens, index) => escapeHtml(tokens[index]?.content ?? '');
  parser.renderer.rules.reference = (tokens, index, _options, _env, renderer) => {
    const token = tokens[index];
    return token === undefined ? '' : `<a${renderer.renderAttrs(token)}>${escapeHtml(token.content)}</a>`;
  };
  limitLinkSearch(parser);
  return parser;
}

/** Searches for links word by word, so that the time is linear in the length of the text. */
function limitLinkSearch({ linkify }: MarkdownIt): void {
  const match = linkify.match.bind(linkify);
  const matchAtStart = linkify.matchAtStart.bind(linkify);
  linkify.test = (text) => /[.:@]/.test(text);
  linkify.matchAtStart = (text) => {
    const word = text.slice(0, LONGEST_LINK + 1).split(/\s/, 1)[0] ?? '';
    return word.length > LONGEST_LINK ? null : matchAtStart(word);
  };
  linkify.match = (text) =>
    [...text.matchAll(/\S+/g)].flatMap(({ 0: word, index }) => {
      if (word.length > LONGEST_LINK || !linkify.test(word)) return [];
      return (match(word) ?? []).map((link) => {
        link.index += index;
        link.lastIndex += index;
        return link;
      });
    });
}

export const parser = createParser();

/** The class of tokens, which markdown-it only exports as a type. */
export const { Token: MarkdownToken } = new parser.core.State('', parser, {});
