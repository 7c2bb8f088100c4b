import createMarkdownIt, { type Token } from 'markdown-it';

const markdown = createMarkdownIt();

export const { escapeHtml, unescapeAll } = markdown.utils;

/** The class of tokens, which markdown-it only exports as a type. */
const { Token: TokenClass } = new markdown.core.State('', markdown, {});

interface TokenParts {
  /** 1 if it opens an element, -1 if it closes one. */
  readonly nesting?: Token['nesting'];
  readonly content?: string;
  readonly attrs?: Readonly<Record<string, string>>;
}

/** Makes a token as the parser does. */
export function createToken(
  type: string,
  tag: string,
  { nesting = 0, content = '', attrs = {} }: TokenParts = {},
): Token {
  const token = new TokenClass(type, tag, nesting);
  token.content = content;
  token.attrs = Object.entries(attrs);
  return token;
}
