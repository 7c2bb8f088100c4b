import t, { type Test } from 'tap';
import { SupervisedProcess } from '../../../scripts/support/supervisor.ts';

/** Keeps a few lines of JavaScript running as a process. */
function supervise(t: Test, script: string): { supervised: SupervisedProcess; lines: string[] } {
  const lines: string[] = [];
  const options = { name: 'web', args: ['--eval', script], env: { PATH: process.env.PATH } };
  const supervised = new SupervisedProcess(options, (line) => lines.push(line));
  t.teardown(() => supervised.stop(60_000));
  return { supervised, lines };
}

t.test('a process that keeps dying is given up, with an exit code and the reason', async (t) => {
  const { supervised, lines } = supervise(
    t,
    "process.send('ready', () => process.kill(process.pid, 'SIGKILL'))",
  );
  await t.rejects(supervised.failed, { exitCode: 1, message: 'The web process died 5 times in a row.' });
  await supervised.ready;
  t.same(
    lines,
    ['0.5', '1', '2', '4'].map((seconds) => `The web process ended (SIGKILL). It restarts in ${seconds} s.`),
  );
});

t.test('a process that reports a configuration error is not restarted', async (t) => {
  const { supervised, lines } = supervise(t, 'process.exitCode = 2');
  await t.rejects(supervised.failed, {
    exitCode: 2,
    message: 'The web process cannot start with this configuration.',
  });
  t.same(lines, []);
});

t.test('a process that does not stop in time is killed', async (t) => {
  const { supervised, lines } = supervise(
    t,
    "process.on('SIGTERM', () => {}); process.on('message', () => {}); process.send('ready')",
  );
  await supervised.ready;
  await supervised.stop(50);
  t.same(lines, ['The web process did not stop in time and was killed.']);
});
