import { glob, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/process.ts';
import { includeCode } from './support/include-code.ts';

const ROOT = join(import.meta.dirname, '..');

/** `npm run docs`: updates the code excerpts in the documents. `--check` only reports stale ones. */
await runMain(async () => {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const stale: string[] = [];
  for await (const name of glob('{*.md,docs/**/*.md}', { cwd: ROOT })) {
    const path = join(ROOT, name);
    const text = await readFile(path, 'utf8');
    const current = await includeCode(text, (source) => readFile(join(ROOT, source), 'utf8'));
    if (current === text) continue;
    stale.push(name);
    if (!values.check) await writeFile(path, current);
  }
  if (values.check && stale.length > 0) {
    throw new StartupError(1, `The code in ${stale.join(', ')} is stale. Run: npm run docs`);
  }
  console.log(stale.length === 0 ? 'The documents are current.' : `Updated: ${stale.join(', ')}.`);
});
