import { glob, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const IMPORT = /(?:\bfrom |\bimport\()'(\.[^']+)'/g;

/** The parts of `src` in the diagram. The others, such as `config.ts` and `http`, are helpers. */
const PARTS: Readonly<Record<string, string>> = {
  'src/server.ts': 'server, worker',
  'src/worker.ts': 'server, worker',
  'src/app.ts': 'app',
  'src/routes': 'routes',
  'src/jobs': 'jobs',
  'src/plugins': 'plugins',
  'src/domain': 'domain',
  'src/queue': 'queue',
  'src/database': 'database',
};

/** What each part of `src` imports of other parts: the files, by part. */
type Imports = Map<string, Map<string, Set<string>>>;

/**
 * A Mermaid diagram of which part of `src` imports which. An arrow is left out where others lead to the same part. One to the
 * queue has the name of the file, if only one is imported.
 */
export async function drawImports(root: string): Promise<string> {
  const imports = await readImports(root);
  const names = [...new Set(Object.values(PARTS))];
  const id = (part: string) => `n${names.indexOf(part)}`;
  const arrows = names.flatMap((from) =>
    directTargets(imports, from).map(([to, files]) => {
      const [file = '', ...others] = [...files];
      const label = to === 'queue' && others.length === 0 ? `|${basename(file)}|` : '';
      return `  ${id(from)} -->${label} ${id(to)}`;
    }),
  );
  const boxes = names.map((part) => `  ${id(part)}["${part}"]`);
  return ['%% What imports what', 'flowchart LR', ...boxes, ...arrows, ''].join('\n');
}

async function readImports(root: string): Promise<Imports> {
  const imports: Imports = new Map();
  for (const file of (await Array.fromAsync(glob('src/**/*.ts', { cwd: root }))).sort()) {
    const from = partOf(file);
    if (from === undefined) continue;
    const targets = imports.get(from) ?? new Map<string, Set<string>>();
    imports.set(from, targets);
    for (const [, path = ''] of (await readFile(join(root, file), 'utf8')).matchAll(IMPORT)) {
      const imported = join(dirname(file), path);
      const to = partOf(imported);
      if (to !== undefined && to !== from) targets.set(to, (targets.get(to) ?? new Set()).add(imported));
    }
  }
  return imports;
}

function partOf(file: string): string | undefined {
  return PARTS[file] ?? PARTS[file.split('/', 2).join('/')];
}

/** The parts that no other imported part leads to. */
function directTargets(imports: Imports, from: string): [to: string, files: Set<string>][] {
  const targets = [...(imports.get(from) ?? [])];
  return targets.filter(([to]) => !targets.some(([other]) => other !== to && reaches(imports, other, to)));
}

function reaches(imports: Imports, from: string, to: string, seen = new Set<string>()): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const next = [...(imports.get(from)?.keys() ?? [])];
  return next.includes(to) || next.some((part) => reaches(imports, part, to, seen));
}
