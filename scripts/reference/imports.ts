import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

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
  'src/queues.ts': 'queues',
  'src/all-queues.ts': 'queues',
  'src/queue': 'queue',
  'src/database': 'database',
};

/** Which other parts each part of `src` imports. */
type Imports = Map<string, Set<string>>;

/** A Mermaid diagram of the imports between the parts of `src`, without arrows that others imply. */
export async function drawImports(root: string): Promise<string> {
  const imports = await readImports(root);
  const names = [...new Set(Object.values(PARTS))];
  const id = (part: string) => `n${names.indexOf(part)}`;
  const arrows = names.flatMap((from) =>
    directTargets(imports, from).map((to) => `  ${id(from)} --> ${id(to)}`),
  );
  const boxes = names.map((part) => `  ${id(part)}["${part}"]`);
  return ['%% What imports what', 'flowchart LR', ...boxes, ...arrows, ''].join('\n');
}

async function readImports(root: string): Promise<Imports> {
  const imports: Imports = new Map();
  for (const file of (await Array.fromAsync(glob('src/**/*.ts', { cwd: root }))).sort()) {
    const from = partOf(file);
    if (from === undefined) continue;
    const targets = imports.get(from) ?? new Set<string>();
    imports.set(from, targets);
    for (const [, path = ''] of (await readFile(join(root, file), 'utf8')).matchAll(IMPORT)) {
      const to = partOf(join(dirname(file), path));
      if (to !== undefined && to !== from) targets.add(to);
    }
  }
  return imports;
}

function partOf(file: string): string | undefined {
  return PARTS[file] ?? PARTS[file.split('/', 2).join('/')];
}

/** The imported parts that no other imported part leads to. */
function directTargets(imports: Imports, from: string): string[] {
  const targets = [...(imports.get(from) ?? [])];
  return targets.filter((to) => !targets.some((other) => other !== to && reaches(imports, other, to)));
}

function reaches(imports: Imports, from: string, to: string, seen = new Set<string>()): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  const next = [...(imports.get(from) ?? [])];
  return next.includes(to) || next.some((part) => reaches(imports, part, to, seen));
}
