import { StartupError } from '../../src/errors.ts';

/**
 * A marker `<!-- code: src/queues.ts | first line | last line -->` and the code block after it. The block gets the
 * file's lines from the first that contains the first text to the next that equals the last text, or the whole file.
 */
const MARKED_BLOCK =
  /<!-- code: (?<source>[^ |]+)(?: \| (?<first>[^|]+?) \| (?<last>.+?))? -->\n```(?<language>\w+)\n[\s\S]*?```/g;

/**
 * Updates every marked code block in a document.
 *
 * @throws StartupError if a source does not contain the marked lines
 */
export async function includeCode(
  document: string,
  read: (source: string) => Promise<string>,
): Promise<string> {
  let result = '';
  let end = 0;
  for (const match of document.matchAll(MARKED_BLOCK)) {
    const { source = '', first, last, language } = match.groups ?? {};
    const code = excerpt(await read(source), { source, first, last });
    const [marker = ''] = match[0].split('\n', 1);
    result += `${document.slice(end, match.index)}${marker}\n\`\`\`${language}\n${code}\n\`\`\``;
    end = match.index + match[0].length;
  }
  return result + document.slice(end);
}

function excerpt(
  text: string,
  { source, first, last }: { source: string; first?: string | undefined; last?: string | undefined },
): string {
  if (first === undefined) return text.trimEnd();
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.includes(first));
  const end = lines.findIndex((line, index) => index >= start && line.trimEnd() === last);
  if (start === -1 || end === -1) {
    throw new StartupError(1, `${source} has no lines from "${first}" to "${last}"`);
  }
  return withoutIndentation(lines.slice(start, end + 1)).join('\n');
}

function withoutIndentation(lines: readonly string[]): string[] {
  const indentation = Math.min(...lines.filter(Boolean).map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indentation));
}
