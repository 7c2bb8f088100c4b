import { StartupError } from '../../src/errors.ts';
import { onlyLine } from '../support/only-line.ts';

/** What a reader of the tutorial does next. */
export type Step = { readonly command: string } | CodeStep;

export interface CodeStep {
  readonly path: string;
  readonly code: string;
  readonly place: Place;
}

/** Where code goes: the whole file, or beside or instead of lines that begin with these words. */
export type Place =
  | { readonly how: 'write' }
  | { readonly how: 'before' | 'after'; readonly line: string }
  | { readonly how: 'instead'; readonly from: string; readonly to: string };

const FENCE = /(?<said>[^\n]*)\n\n```(?<language>\w+)\n(?<code>[\s\S]*?)\n```/g;

const WHERE =
  /^In `(?<path>[^`]+)`, (?:(?<write>write)|(?<beside>before|after|instead of) the line `(?<line>.+)`|instead of the lines from `(?<from>.+)` to `(?<to>.+)`):$/;

/**
 * Reads the steps of the tutorial: the commands of each shell block, and the place of each other block, which the line above it
 * names.
 *
 * @throws StartupError for a block without a clear place
 */
export function readSteps(tutorial: string): Step[] {
  return [...tutorial.matchAll(FENCE)].flatMap(({ groups = {} }): Step[] => {
    const { said = '', language, code = '' } = groups;
    if (language === 'sh') return code.split('\n').map((command) => ({ command }));
    const { path, write, beside, line = '', from = '', to = '' } = WHERE.exec(said)?.groups ?? {};
    if (path === undefined)
      throw new StartupError(1, `The line above a block does not say where it goes: ${said}`);
    if (write !== undefined) return [{ path, code, place: { how: 'write' } }];
    if (beside === 'before' || beside === 'after') return [{ path, code, place: { how: beside, line } }];
    return [{ path, code, place: { how: 'instead', from: from || line, to: to || line } }];
  });
}

/**
 * The text of a file after a step.
 *
 * @throws StartupError if the file does not have the line, or has it twice
 */
export function apply(text: string, code: string, place: Place): string {
  if (place.how === 'write') return `${code}\n`;
  const lines = text.split('\n');
  const added = code.split('\n');
  if (place.how === 'instead') {
    const start = onlyLine(lines, place.from);
    const length = lines.slice(start).findIndex((line) => line.trimStart().startsWith(place.to));
    if (length === -1) throw new StartupError(1, `No line after "${place.from}" begins with: ${place.to}`);
    return lines.toSpliced(start, length + 1, ...added).join('\n');
  }
  const index = onlyLine(lines, place.line);
  return lines.toSpliced(place.how === 'before' ? index : index + 1, 0, ...added).join('\n');
}
