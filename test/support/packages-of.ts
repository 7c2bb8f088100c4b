import { readFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

const IMPORTS =
  /^(?:import|export)\b(?:[^;'"=()]*\bfrom)?\s*'([^']+)'|\bimport(?:\.meta\.resolve)?\('([^']+)'\)/gm;
const GUARDED = /\bforDevelopment\([^()]*\(\) =>\s*import[^)]*\)/g;

/** The packages that some files import, directly or through files of ours, except where their absence is handled. */
export async function packagesOf(entries: readonly string[]): Promise<string[]> {
  const packages = new Set<string>();
  const files = new Set(entries);
  for (const file of files) {
    const source = stripTypeScriptTypes(await readFile(join(ROOT, file), 'utf8'));
    for (const [, statically, dynamically] of source.replaceAll(GUARDED, '').matchAll(IMPORTS)) {
      const name = statically ?? dynamically ?? '';
      if (name.endsWith('.ts')) files.add(join(dirname(file), name));
      else if (!/^(?:\.|node:)/.test(name)) packages.add(packageOf(name));
    }
  }
  return [...packages].sort();
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
