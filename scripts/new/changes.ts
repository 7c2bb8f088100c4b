import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StartupError } from '../../src/errors.ts';
import { onlyLine } from '../support/only-line.ts';
import { type Edit, type Kind, RECIPES, TEMPLATES } from './recipes.ts';

/** A file before the change, undefined if it is new, and after it. */
export interface Change {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string;
}

const NAME = /^(?=.{1,40}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/**
 * Plans what a new job, mail, page or migration changes in the project, and changes nothing.
 *
 * @throws StartupError if the name is invalid, one of its files exists, or a file has no place for it
 */
export async function planNew(root: string, kind: Kind, name: string): Promise<Change[]> {
  if (!NAME.test(name)) {
    const accepted = 'give up to 40 lower-case letters, digits and hyphens, as in reading-list';
    throw new StartupError(2, `"${name}" is not accepted as a name; ${accepted}`);
  }
  const { templates, edits } = RECIPES[kind];
  const changes = new Map<string, Change>();
  for (const template of templates) {
    const path = await pathOf(root, spell(template, name));
    changes.set(path, { path, before: undefined, after: spell(await read(TEMPLATES, template), name) });
  }
  for (const edit of edits) {
    const { path } = edit;
    const change = changes.get(path) ?? (await unchanged(root, path));
    const lines = align(spell(edit.lines, name), edit.secondColumn);
    changes.set(path, { ...change, after: add(change.after, { ...edit, lines }) });
  }
  return [...changes.values()];
}

/** Makes all changes and calls `finish`, or undoes all of them if something fails. */
export async function makeChanges(
  root: string,
  changes: readonly Change[],
  finish: (paths: readonly string[]) => Promise<unknown>,
): Promise<void> {
  const made: Change[] = [];
  try {
    for (const change of changes) {
      made.push(change);
      await mkdir(dirname(join(root, change.path)), { recursive: true });
      await writeFile(join(root, change.path), change.after);
    }
    await finish(changes.map(({ path }) => path));
  } catch (error) {
    for (const { path, before } of made) {
      if (before === undefined) await rm(join(root, path), { force: true });
      else await writeFile(join(root, path), before);
    }
    throw error;
  }
}

/** Where a new file goes. A migration gets the next number. */
async function pathOf(root: string, path: string): Promise<string> {
  const folder = dirname(path);
  const files = await readdir(join(root, folder)).catch(() => []);
  const taken = files.find((file) => `${folder}/${file.replace(/^\d{4}_/, '')}` === path);
  if (taken !== undefined)
    throw new StartupError(2, `There is a ${folder}/${taken} already; choose another name.`);
  if (folder !== 'migrations') return path;
  const last = Math.max(0, ...files.map((file) => Number.parseInt(file, 10)).filter(Number.isFinite));
  return path.replace('/', `/${String(last + 1).padStart(4, '0')}_`);
}

/** Replaces the templates' name in each of its spellings. */
function spell(template: string, name: string): string {
  const words = name.split('-');
  const pascal = words.map(capitalise).join('');
  return template
    .replaceAll('example-name', name)
    .replaceAll('example_name', words.join('_'))
    .replaceAll('ExampleName', pascal)
    .replaceAll('exampleName', pascal.charAt(0).toLowerCase() + pascal.slice(1))
    .replaceAll('Example name', capitalise(words.join(' ')));
}

function align(row: string, secondColumn = 0): string {
  return row.replace(/ {2,}/, (gap, start: number) => gap.padEnd(secondColumn - start));
}

function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

async function unchanged(root: string, path: string): Promise<Change> {
  const before = await read(root, path);
  return { path, before, after: before };
}

function read(folder: string, path: string): Promise<string> {
  return readFile(join(folder, path), 'utf8');
}

function add(text: string, { place, lines: added }: Edit): string {
  const lines = text.split('\n');
  const index = onlyLine(lines, 'before' in place ? place.before : place.after);
  const [indentation = ''] = lines[index]?.match(/^ */) ?? [];
  const block = added
    .trimEnd()
    .split('\n')
    .map((line) => indentation + line);
  lines.splice('before' in place ? index : index + 1, 0, ...block, ...(added.endsWith('\n') ? [''] : []));
  return lines.join('\n');
}
