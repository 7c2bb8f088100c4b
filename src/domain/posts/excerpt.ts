const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};

/**
 * The beginning of a text that was rendered and sanitised, without its markup: for titles and descriptions.
 *
 * @param length the most characters there may be, with the sign that something was left out
 */
export function excerptOf(html: string, length: number): string {
  // Enough for the excerpt, however much of it is markup, and not all of a long post.
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
