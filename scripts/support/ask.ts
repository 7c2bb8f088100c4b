import { createInterface } from 'node:readline';

/** Asks a yes-or-no question on the terminal. Anything else is a no, and so is the end of the input. */
export async function askOnTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await new Promise<string>((resolve) => {
    terminal.once('close', () => resolve(''));
    terminal.question(`${question} (y/N) `, resolve);
  });
  terminal.close();
  return /^y(?:es)?$/i.test(answer.trim());
}
