import { StartupError } from '../../src/errors.ts';

/**
 * Finds the only line that begins with some text, whatever its indentation. Returns its index.
 *
 * @throws StartupError if no line does, or several do
 */
export function onlyLine(lines: readonly string[], beginning: string): number {
  const found = lines.flatMap((line, index) => (line.trimStart().startsWith(beginning) ? [index] : []));
  const [index] = found;
  if (index === undefined || found.length > 1)
    throw new StartupError(1, `There must be one line that begins with ${beginning}, not ${found.length}`);
  return index;
}
