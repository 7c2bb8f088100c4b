import t from 'tap';
import { apply, readSteps } from '../../scripts/tutorial/steps.ts';
import { start } from '../support/processes.ts';
import { SLOW } from '../support/slow.ts';

t.test('the tutorial’s code fits into the project, and its types are right', SLOW, async (t) => {
  const { PATH = '' } = process.env;
  const running = start(t, ['scripts/tutorial.ts', '--short'], { PATH });
  t.equal(await running.exited(), 0, running.output);
});

t.test('each block is a step, and says where it goes', async (t) => {
  const tutorial = `# How\n
\`\`\`sh\nnpm ci\nnpm start\n\`\`\`\n
In \`a.ts\`, write:\n\n\`\`\`ts\none\n\`\`\`\n
In \`a.ts\`, after the line \`one\`:\n\n\`\`\`ts\ntwo\n\`\`\`\n
In \`a.ts\`, instead of the lines from \`one\` to \`two\`:\n\n\`\`\`ts\nthree\n\`\`\`\n
In \`a.ts\`, instead of the line \`three\`:\n\n\`\`\`ts\nfour\n\`\`\`\n`;
  t.same(readSteps(tutorial), [
    { command: 'npm ci' },
    { command: 'npm start' },
    { path: 'a.ts', code: 'one', place: { how: 'write' } },
    { path: 'a.ts', code: 'two', place: { how: 'after', line: 'one' } },
    { path: 'a.ts', code: 'three', place: { how: 'instead', from: 'one', to: 'two' } },
    { path: 'a.ts', code: 'four', place: { how: 'instead', from: 'three', to: 'three' } },
  ]);
  t.throws(() => readSteps('Somewhere:\n\n```ts\none\n```\n'), {
    message: 'The line above a block does not say where it goes: Somewhere:',
  });
});

t.test('code goes before, after or instead of the only line that begins so', async (t) => {
  const text = 'one\n  two\n  three\n';
  t.equal(apply(text, '  x', { how: 'before', line: 'two' }), 'one\n  x\n  two\n  three\n');
  t.equal(apply(text, '  x', { how: 'after', line: 'tw' }), 'one\n  two\n  x\n  three\n');
  t.equal(apply(text, 'x', { how: 'instead', from: 'one', to: 'two' }), 'x\n  three\n');
  t.equal(apply(text, 'x', { how: 'write' }), 'x\n');
  const fault = (line: string) => () => apply(text, 'x', { how: 'after', line });
  t.throws(fault('t'), { message: 'There must be one line that begins with t, not 2' });
  t.throws(fault('four'), { message: 'There must be one line that begins with four, not 0' });
});
