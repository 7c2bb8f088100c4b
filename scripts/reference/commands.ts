import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { StartupError } from '../../src/errors.ts';
import { docComments } from './doc-comments.ts';
import { code, page, table } from './markdown.ts';

/** Scripts that have no file, and so no doc comment. */
const WITHOUT_FILE: Readonly<Record<string, string>> = {
  coverage: 'runs the tests and reports the lines that none of them reaches',
  format: 'formats the code and sorts imports',
  lint: 'checks formatting and lint',
  sbom: "lists the packages in production with their versions and licences, in CycloneDX's format",
  types: 'checks the types',
};

/** Scripts that share their file with another. */
const VARIANTS: Readonly<Record<string, string>> = {
  dev: 'like `npm start`, and restarts when code or templates change',
  tap: 'runs the test files that follow `--`, or all, with their own PostgreSQL',
  'test:slow':
    'runs all tests, including the slow ones that `npm test` leaves out, then lists the twenty slowest',
};

/** Scripts that npm itself runs. */
const OF_NPM = new Set(['postinstall', 'version']);

const INTRODUCTION = `Options follow \`--\`, as in \`npm run migrate -- --plan\`. In production, where there may be no npm, run a
command's script: \`node scripts/migrate.ts --plan\`.`;

/**
 * The page about commands, from the doc comment of each script that begins with the command.
 *
 * @throws StartupError if one has none
 */
export async function describeCommands(read: (file: string) => Promise<string>): Promise<string> {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(await read('package.json'));
  const names = Object.keys(scripts).filter((name) => !OF_NPM.has(name));
  const rows = await Promise.all(
    names.map(async (name) => [
      code(invocation(name)),
      asSentence(await meaningOf(name, scripts[name] ?? '', read)),
    ]),
  );
  return page(
    'Commands',
    INTRODUCTION,
    table(['command', 'what it does'], rows),
    ...(await Promise.all(['admin', 'jobs'].map(describeUsage))),
  );
}

function invocation(name: string): string {
  return ['start', 'test'].includes(name) ? `npm ${name}` : `npm run ${name}`;
}

async function meaningOf(
  name: string,
  script: string,
  read: (file: string) => Promise<string>,
): Promise<string> {
  const known = WITHOUT_FILE[name] ?? VARIANTS[name];
  if (known !== undefined) return known;
  const file = script.split(' ').findLast((word) => /\.[jt]s$/.test(word));
  const comments = file === undefined ? [] : docComments(await read(file));
  for (const comment of comments) {
    const [, command = '', meaning] = /^`(npm [^`]+)`: (.+)$/.exec(comment) ?? [];
    if (meaning !== undefined && command.startsWith(invocation(name))) return meaning;
  }
  throw new StartupError(1, `No doc comment in ${file} begins with \`${invocation(name)}\``);
}

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

/** A section with the usage that a command prints. */
async function describeUsage(name: string): Promise<string> {
  const script = join(import.meta.dirname, '..', `${name}.ts`);
  const usage = await new Promise<string>((resolve) => {
    execFile(process.execPath, [script], (_error, _stdout, stderr) => resolve(stderr.trim()));
  });
  return `## \`npm run ${name}\`\n\n\`\`\`text\n${usage}\n\`\`\``;
}
