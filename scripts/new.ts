import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { makeChanges, planNew } from './new/changes.ts';
import { type Kind, RECIPES } from './new/recipes.ts';

const ROOT = join(import.meta.dirname, '..');

/**
 * `npm run new -- job NAME`: scaffolds a job, or a `mail`, a `page` or a `migration`: adds its files and its test, and names it
 * wherever the code and the tests list such things.
 */
await runMain(async () => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [kind = '', name = ''] = positionals;
  if (!isKind(kind) || positionals.length !== 2)
    throw new StartupError(2, 'Usage: npm run new -- job|mail|page|migration NAME');
  const changes = await planNew(ROOT, kind, name);
  await makeChanges(ROOT, changes, sortImports);
  for (const { path, before } of changes)
    console.log(`${before === undefined ? 'new    ' : 'changed'} ${path}`);
  console.log(`\n${RECIPES[kind].next} Then: npm run docs && npm run check`);
});

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(RECIPES, kind);
}

/** Sorts imports and formats. Fails if the name is a word of the language, or the code has it for something else. */
async function sortImports(paths: readonly string[]): Promise<void> {
  const biome = join(ROOT, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  const sources = paths.filter((path) => path.endsWith('.ts'));
  try {
    await promisify(execFile)(process.execPath, [biome, 'check', '--write', ...sources], { cwd: ROOT });
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    const reason = / × (.+)/.exec(output)?.[1] ?? output;
    throw new StartupError(
      2,
      `Choose another name: with this one, Biome says "${reason}". Nothing was changed.`,
    );
  }
}
