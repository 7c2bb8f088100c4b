import { createInterface } from 'node:readline';
import { StartupError } from '../../src/errors.ts';

/**
 * Asks the operator whether to continue.
 *
 * @throws StartupError unless the answer is yes
 */
export type Ask = (question: string) => Promise<void>;

interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
}

/**
 * Makes a function that asks on the terminal.
 *
 * @param isSure whether the operator gave `--yes`, so that nothing is asked
 */
export function asker(
  isSure: boolean,
  { input, output }: Terminal = { input: process.stdin, output: process.stdout },
): Ask {
  return async (question) => {
    if (isSure) return;
    if (!input.isTTY)
      throw new StartupError(2, 'There is no terminal to ask on. --yes continues without asking.');
    output.write(`${question} [y/N] `);
    if (!/^y(es)?$/i.test(await readLine(input))) throw new StartupError(1, 'Nothing was changed.');
  };
}

/** The next line; empty if the input has ended. */
async function readLine(input: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input })) return line.trim();
  return '';
}
