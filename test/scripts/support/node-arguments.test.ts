import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { NODE_ARGUMENTS } from '../../../scripts/support/node-arguments.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

const read = (path: string) => readFile(join(ROOT, path), 'utf8');

t.test('everything that starts a web process or a worker uses the same arguments', async (t) => {
  const { scripts } = JSON.parse(await read('package.json'));
  const common = NODE_ARGUMENTS.map((argument) => argument.replace(/=file:.*\/src\//, '=./src/'));
  for (const [name, unit] of [
    ['server', 'web'],
    ['worker', 'worker'],
  ]) {
    const command = ['node', ...common, `src/${name}.ts`].join(' ');
    t.equal(scripts[`${name}`], command);
    t.match(await read(`deploy/systemd/pennypost-${unit}@.service`), `\nExecStart=${command}\n`);
  }
  const entrypoint = /^ENTRYPOINT (.*)$/m.exec(await read('Dockerfile'))?.[1] ?? '[]';
  t.same(JSON.parse(entrypoint).slice(1), common);
});

t.test('the image has the Node that development uses', async (t) => {
  const { devDependencies } = JSON.parse(await read('package.json'));
  const [, major] = /^\^(\d+)\./.exec(devDependencies.node) ?? [];
  const versions = [...(await read('Dockerfile')).matchAll(/^FROM \S*\bnode(?:js|:)(\d+)/gm)];
  t.same(
    versions.map(([, version]) => version),
    [major, major],
  );
});
