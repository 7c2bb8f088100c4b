import t from 'tap';
import { includeCode } from '../../scripts/support/include-code.ts';
import { start } from '../support/processes.ts';

t.test('the code in the documents is current', async (t) => {
  const running = start(t, ['scripts/docs.ts', '--check'], {});
  t.equal(await running.exited(), 0, running.output);
});

t.test('code blocks are updated, and nothing else', async (t) => {
  const read = async () => 'one\ntwo\nthree\nfour\n';
  const before = 'A\n<!-- code: x.ts | two | three -->\n```ts\nstale\n```\nB\n';
  const after = 'A\n<!-- code: x.ts | two | three -->\n```ts\ntwo\nthree\n```\nB\n';
  t.equal(await includeCode(before, read), after);
  t.equal(await includeCode(after, read), after);
  await t.rejects(includeCode(before.replace('two', 'five'), read), {
    message: 'x.ts has no lines from "five" to "three"',
  });
});
