import { describeVariables } from '../../src/config.ts';
import { StartupError } from '../../src/errors.ts';
import { DEFAULT_LIMITS, type RateLimit } from '../../src/limits.ts';
import { docCommentsByName } from './doc-comments.ts';
import { code, page, table } from './markdown.ts';

const INTRODUCTION = `Every process reads these environment variables when it starts, and the file \`.env\` in its folder
([.env.example](../../.env.example)). An empty one counts as unset. A process with an invalid value exits with code 2 and
says what it accepts. What the site's Administrators choose is not here but at \`/admin/settings\`.`;

const LIMITS = `\`ACCOUNT_LIMITS\` changes these. An account may do a tenth in its first day, except for searching. An IP
address may do ten times as much.`;

/**
 * The page about environment variables.
 *
 * @throws StartupError if a variable has no doc comment
 */
export async function describeConfiguration(read: (file: string) => Promise<string>): Promise<string> {
  const source = await read('src/config.ts');
  const meanings = docCommentsByName(source, / +[^\n]*\benv\.\w+\(\s*'(?<name>[A-Z_]+)'/);
  const variables = [...describeVariables()].map(([name, { accepts, fallback }]) => {
    const meaning = meanings.get(name);
    if (meaning === undefined) throw new StartupError(1, `${name} has no doc comment in src/config.ts`);
    return [code(name), meaning, code(fallback), accepts];
  });
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

function describeLimit({ points, seconds }: RateLimit): string {
  const per = new Map([
    [60, 'a minute'],
    [3_600, 'an hour'],
    [86_400, 'a day'],
  ]).get(seconds);
  return `${points.toLocaleString('en')} ${per ?? `in ${seconds / 60} minutes`}`;
}
