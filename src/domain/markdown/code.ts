import highlighter from '@highlightjs/cdn-assets/highlight.min.js';
import { escapeHtml, unescapeAll } from './markdown-it.ts';

/** Longer code, and code with longer words, is not highlighted: the patterns of some languages take quadratic time. */
const MAX_HIGHLIGHTED = 5_000;
const LONG_WORD = /\S{1000}/;

highlighter.configure({ classPrefix: 'hl-' });

/**
 * The HTML of a block of code, with classes that highlight it if its language is known. Long lines scroll, so it is
 * focusable.
 *
 * @param info what follows the fence, whose first word is the language
 */
export function codeBlock(code: string, info: string, isHighlighted: boolean): string {
  const [language = ''] = unescapeAll(info).trim().split(/\s+/, 1);
  const attribute = language === '' ? '' : ` class="language-${escapeHtml(language)}"`;
  const html = (isHighlighted && highlighted(code, language)) || escapeHtml(code);
  return `<pre tabindex="0" role="group" aria-label="Code"><code${attribute}>${html}</code></pre>\n`;
}

function highlighted(code: string, language: string): string | undefined {
  const isTooLong = code.length > MAX_HIGHLIGHTED || LONG_WORD.test(code);
  if (isTooLong || highlighter.getLanguage(language) === undefined) return undefined;
  return highlighter.highlight(code, { language, ignoreIllegals: true }).value;
}
