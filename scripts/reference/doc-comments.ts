/** The text of a doc comment, and the source after it. */
const DOC_COMMENT = /\/\*\*(?<text>(?:(?!\*\/)[\s\S])*)\*\/\n/g;

/** The doc comments of a source file, each in one line and without tags such as `@throws`. */
export function docComments(source: string): string[] {
  return [...source.matchAll(DOC_COMMENT)].map(({ groups }) => inOneLine(groups?.text ?? ''));
}

/**
 * The doc comments of a source file by the name in the code below them.
 *
 * @param below matches the code that begins on the line after the comment; its group `name` is the name
 */
export function docCommentsByName(source: string, below: RegExp): Map<string, string> {
  const commented = new RegExp(DOC_COMMENT.source + below.source, 'g');
  return new Map(
    [...source.matchAll(commented)].map(({ groups }) => [groups?.name ?? '', inOneLine(groups?.text ?? '')]),
  );
}

function inOneLine(comment: string): string {
  const lines = comment.split('\n').map((line) => line.replace(/^ *\* ?/, '').trim());
  const tags = lines.findIndex((line) => line.startsWith('@'));
  return (tags === -1 ? lines : lines.slice(0, tags)).join(' ').trim();
}
