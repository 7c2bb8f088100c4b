import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** Runs a script of package.json that prints its own results. Returns whether it succeeded. */
export async function runShowing(name: string, ...args: string[]): Promise<boolean> {
  return succeeds(start([name, ...(args.length > 0 ? ['--', ...args] : [])], 'inherit'));
}

/** Runs a script, and prints its outcome when it ends; if it fails, with its output. */
export async function runQuietly(name: string): Promise<boolean> {
  const running = start([name], 'pipe');
  const [isGood, ...output] = await Promise.all([
    succeeds(running),
    ...[running.stdout, running.stderr].map((stream) => (stream === null ? '' : text(stream))),
  ]);
  console.log(`${isGood ? 'ok    ' : 'not ok'} npm run ${name}`);
  if (!isGood) console.log(output.join(''));
  return isGood;
}

function start(words: readonly string[], output: 'inherit' | 'pipe'): ChildProcess {
  const npm = process.env.npm_execpath;
  if (npm === undefined) throw new Error('Start this with npm.');
  return spawn(process.execPath, [npm, 'run', '--silent', ...words], { stdio: ['ignore', output, output] });
}

async function succeeds(running: ChildProcess): Promise<boolean> {
  const [code] = await once(running, 'close');
  return code === 0;
}
