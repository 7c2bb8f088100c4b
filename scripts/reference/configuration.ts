import { describeVariables } from '../../src/config.ts';
import { StartupError } from '../../src/errors.ts';
import { DEFAULT_LIMITS, type RateLimit } from '../../src/limits.ts';
import { docCommentsByName } from './doc-comments.ts';
import { code, page, table } from './markdown.ts';

const INTRODUCTION = `Every process reads these environment variables when it starts, and the file \`.env\` in its folder
([.env.example](../../.env.example)). An empty one counts as unset. A process with an invalid value exits with code 2 and
says what it accepts. Administrators change the other settings at \`/admin/settings\`.`;

const EXAMPLE_INTRODUCTION =
  'Copy this file to .env and change what you need. Each variable has its default, or an example. npm run docs writes it from src/config.ts.';

const LIMITS = `\`ACCOUNT_LIMITS\` changes these. An account may do a tenth on its first day, except for searching and subscribing. An IP
address may do ten times as much.`;

interface Variable {
  readonly name: string;
  readonly meaning: string;
  readonly fallback: string | undefined;
  readonly accepts: string;
}

/**
 * The page about environment variables.
 *
 * @throws StartupError if a variable has no doc comment
 */
export async function describeConfiguration(read: (file: string) => Promise<string>): Promise<string> {
  const variables = (await readVariables(read)).map(({ name, meaning, fallback, accepts }) => [
    code(name),
    meaning,
    code(fallback),
    accepts,
  ]);
  const comments = docCommentsByName(await read('src/limits.ts'), / +(?<name>\w+): perAccount/);
  const limits = Object.entries(DEFAULT_LIMITS).map(([action, { account }]) => [
    code(action),
    comments.get(action) ?? '',
    describeLimit(account),
  ]);
  return page(
    'Configuration',
    INTRODUCTION,
    table(['variable', 'meaning', 'default', 'accepts'], variables),
    '## Limits per account',
    LIMITS,
    table(['action', 'what counts', 'limit'], limits),
  );
}

/** `.env.example`: every variable with its meaning, and its default or an example. */
export async function writeExample(read: (file: string) => Promise<string>): Promise<string> {
  const variables = (await readVariables(read)).map(({ name, meaning, fallback, accepts }) => {
    const [, example = ''] =
      /as in (?:`([^`]+)`|"([^"]+)")/.exec(`${meaning} ${accepts}`)?.filter(Boolean) ?? [];
    return `${inComment(meaning.replaceAll('`', ''))}\n# ${name}=${fallback ?? example}`;
  });
  return `${[inComment(EXAMPLE_INTRODUCTION), ...variables].join('\n\n')}\n`;
}

async function readVariables(read: (file: string) => Promise<string>): Promise<Variable[]> {
  const source = await read('src/config.ts');
  const meanings = docCommentsByName(source, / +[^\n]*\benv\.\w+\(\s*'(?<name>[A-Z_]+)'/);
  return [...describeVariables()].map(([name, rule]) => {
    const meaning = meanings.get(name);
    if (meaning === undefined) throw new StartupError(1, `${name} has no doc comment in src/config.ts`);
    return { name, meaning, ...rule };
  });
}

/** Breaks a text into comment lines. */
function inComment(text: string): string {
  return text.replaceAll(/(.{1,116})(?: |$)/g, '# $1\n').trimEnd();
}

function describeLimit({ points, seconds }: RateLimit): string {
  const per = new Map([
    [60, 'a minute'],
    [3_600, 'an hour'],
    [86_400, 'a day'],
  ]).get(seconds);
  return `${points.toLocaleString('en')} ${per ?? `in ${seconds / 60} minutes`}`;
}
