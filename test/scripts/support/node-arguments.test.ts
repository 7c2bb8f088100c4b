import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { NODE_ARGUMENTS } from '../../../scripts/support/node-arguments.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

t.test(
  'npm start runs web and worker with the same arguments as npm run server and npm run worker',
  async (t) => {
    const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
    const common = NODE_ARGUMENTS.map((argument) => argument.replace(/=file:.*\/src\//, '=./src/')).join(' ');
    for (const name of ['server', 'worker']) t.equal(scripts[name], `node ${common} src/${name}.ts`);
  },
);
