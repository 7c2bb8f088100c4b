import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** `npm test`: runs every check that a change must pass: the tests, and meanwhile format, lint and types. */
const [tests, ...checks] = await Promise.all([runTests(), check('lint'), check('types')]);
if (!tests || checks.includes(false)) process.exitCode = 1;

async function runTests(): Promise<boolean> {
  return succeeds(start('tap', 'inherit'));
}

/** Prints what a check complains about when it ends. */
async function check(name: string): Promise<boolean> {
  const running = start(name, 'pipe');
  const [isGood, ...output] = await Promise.all([
    succeeds(running),
    ...[running.stdout, running.stderr].map((stream) => (stream === null ? '' : text(stream))),
  ]);
  console.log(`${isGood ? 'ok    ' : 'not ok'} npm run ${name}`);
  if (!isGood) console.log(output.join(''));
  return isGood;
}

function start(name: string, output: 'inherit' | 'pipe'): ChildProcess {
  const npm = process.env.npm_execpath;
  if (npm === undefined) throw new Error('Start this with npm test.');
  return spawn(process.execPath, [npm, 'run', '--silent', name], { stdio: ['ignore', output, output] });
}

async function succeeds(running: ChildProcess): Promise<boolean> {
  const [code] = await once(running, 'close');
  return code === 0;
}
