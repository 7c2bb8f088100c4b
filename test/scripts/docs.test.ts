import t from 'tap';
import { docCommentsByName } from '../../scripts/reference/doc-comments.ts';
import { includeCode } from '../../scripts/support/include-code.ts';
import { createDatabase } from '../support/database.ts';
import { start } from '../support/processes.ts';

t.test('the reference and the code in the documents are current', async (t) => {
  const running = start(t, ['scripts/docs.ts', '--check', '--database', await createDatabase(t)], {});
  t.equal(await running.exited(), 0, running.output);
});

t.test('code blocks are updated, and nothing else', async (t) => {
  const read = async () => 'one\n  two\n  three\nfour\n';
  const before = 'A\n<!-- code: x.ts | two |   three -->\n```ts\nstale\n```\nB\n';
  const after = 'A\n<!-- code: x.ts | two |   three -->\n```ts\ntwo\nthree\n```\nB\n';
  t.equal(await includeCode(before, read), after);
  t.equal(await includeCode(after, read), after);
  await t.rejects(includeCode(before.replace('two', 'five'), read), {
    message: 'x.ts has no lines from "five" to "  three"',
  });
});

t.test('a doc comment is read with the name below it, in one line and without tags', async (t) => {
  const source =
    '/** One. */\nother();\n/**\n * Two\n * lines.\n *\n * @throws never\n */\nname(1);\nname(2);\n';
  t.same([...docCommentsByName(source, /name\((?<name>\d)/)], [['1', 'Two lines.']]);
});
