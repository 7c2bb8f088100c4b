const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

/**
 * The beginning of sanitised HTML as plain text, for titles and descriptions.
 *
 * @param length the maximum in characters, including the ellipsis
 */
export function excerptOf(html: string, length: number): string {
  // Enough even with a lot of markup, without processing all of a long post.
  const text = html
    .slice(0, 20 * length)
    .replaceAll(/<[^>]*(>|$)/g, ' ')
    .replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => ENTITIES[entity] ?? entity)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ (?=[.,:;!?])/g, '')
    .trim();
  const characters = [...text];
  return characters.length <= length
    ? text
    : `${characters
        .slice(0, length - 1)
        .join('')
        .trimEnd()}…`;
}
