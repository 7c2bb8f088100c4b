import { parseArgs } from 'node:util';
import type { FastifyInstance } from 'fastify';
import { ROLES } from '../src/domain/accounts/roles.ts';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/run-main.ts';
import { asker } from './support/ask.ts';

const USAGE = `Usage: npm run admin -- COMMAND
  people [WORD…]              lists the newest people, or those whose name or address has words beginning with these
  grant EMAIL ROLE            gives an account a role: ${ROLES.join(', ')}
  confirm EMAIL               confirms an account without an email
  suspend EMAIL DAYS REASON   suspends a person; DAYS may be "forever"
  sessions end EMAIL          logs a person out everywhere and revokes their API tokens
  reset-2fa EMAIL             turns off two-factor authentication and removes passkeys
  delete EMAIL REASON         closes an account and deletes it in a week; --now deletes it at once,
                              --keep-texts keeps posts and comments without a name
  mail-test EMAIL             sends an email, prints the mail server's response and checks the sender's DNS records
  settings get                prints the site’s settings and pages
  settings set NAME VALUE     changes a setting or a page
  backup FILE                 writes the whole database to a new file
  restore FILE                restores a backup into an empty database
suspend, sessions end, reset-2fa and delete ask first, unless --yes follows.`;

const OPTIONS = {
  yes: { type: 'boolean', default: false },
  now: { type: 'boolean', default: false },
  'keep-texts': { type: 'boolean', default: false },
} as const;

interface Command {
  /** The number of arguments; undefined for any. */
  readonly arity?: number;
  /** The options it knows. */
  readonly options?: readonly (keyof typeof OPTIONS)[];
  run(args: readonly string[], options: Options): Promise<void>;
}

type Options = Readonly<Record<keyof typeof OPTIONS, boolean>>;

// Loaded by the commands that use them, because the application takes longer to load than the usage to print.
const accounts = () => import('./support/accounts.ts');
const people = () => import('./support/people.ts');
const mailTest = () => import('./support/mail-test.ts');
const settings = () => import('./support/settings.ts');
const backups = () => import('./support/backup.ts');

const commands = new Map<string, Command>([
  ['people', { run: inApp(async ({ db }, words) => (await people()).showPeople(db, words.join(' '))) }],
  [
    'grant',
    {
      arity: 2,
      run: inApp(async ({ db }, [email = '', role = '']) => (await accounts()).grantRole(db, email, role)),
    },
  ],
  [
    'confirm',
    { arity: 1, run: inApp(async ({ db }, [email = '']) => (await accounts()).confirmEmail(db, email)) },
  ],
  [
    'suspend',
    {
      arity: 3,
      options: ['yes'],
      run: inApp(async ({ db, queue }, [email = '', days = '', reason = ''], { yes }) =>
        (await people()).suspend({ db, queue, ask: asker(yes) }, email, days, reason),
      ),
    },
  ],
  [
    'sessions end',
    {
      arity: 1,
      options: ['yes'],
      run: inApp(async ({ db, queue }, [email = ''], { yes }) =>
        (await people()).endSessions({ db, queue, ask: asker(yes) }, email),
      ),
    },
  ],
  [
    'reset-2fa',
    {
      arity: 1,
      options: ['yes'],
      run: inApp(async ({ db, queue }, [email = ''], { yes }) =>
        (await accounts()).resetTwoFactorManually({ db, queue, ask: asker(yes) }, email),
      ),
    },
  ],
  [
    'delete',
    {
      arity: 2,
      options: ['yes', 'now', 'keep-texts'],
      run: inApp(async ({ db, queue }, [email = '', reason = ''], { yes, now, 'keep-texts': keepsTexts }) =>
        (await people()).deletePerson({ db, queue, ask: asker(yes) }, email, reason, {
          isAtOnce: now,
          keepsTexts,
        }),
      ),
    },
  ],
  [
    'mail-test',
    { arity: 1, run: inApp(async (app, [email = '']) => (await mailTest()).mailTest(app, email)) },
  ],
  ['settings get', { arity: 0, run: inApp(async (app) => (await settings()).printSettings(app)) }],
  [
    'settings set',
    {
      arity: 2,
      run: inApp(async (app, [name = '', value = '']) => (await settings()).setSetting(app, name, value)),
    },
  ],
  ['backup', { arity: 1, run: onDatabase(async (url, file) => (await backups()).backUp(url, file)) }],
  ['restore', { arity: 1, run: onDatabase(async (url, file) => (await backups()).restore(url, file)) }],
]);

/** `npm run admin -- COMMAND`: runs one of the operators' commands below. */
await runMain(async () => {
  const { positionals, values } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const [first = '', second = '', ...rest] = positionals;
  const isPair = commands.has(`${first} ${second}`);
  const command = commands.get(isPair ? `${first} ${second}` : first);
  const args = isPair ? rest : positionals.slice(1);
  if (command === undefined || args.length !== (command.arity ?? args.length))
    throw new StartupError(2, USAGE);
  const given = Object.entries(values).flatMap(([name, isGiven]) => (isGiven ? [name] : []));
  if (given.some((name) => !command.options?.some((known) => known === name)))
    throw new StartupError(2, USAGE);
  await command.run(args, values);
});

/** A command that needs the application. Prints its result. */
function inApp(
  run: (app: FastifyInstance, args: readonly string[], options: Options) => Promise<string>,
): Command['run'] {
  return async (args, options) => {
    const { withApp } = await import('./support/app.ts');
    await withApp(async (app) => console.log(await run(app, args, options)));
  };
}

/** A command that only needs the database, whatever its schema. Prints its result. */
function onDatabase(run: (databaseUrl: string, file: string) => Promise<string>): Command['run'] {
  return async ([file = '']) => {
    const { loadConfig } = await import('../src/config.ts');
    const { withDatabase } = await import('./support/embedded-postgres.ts');
    await withDatabase(loadConfig(), async (url) => console.log(await run(url, file)));
  };
}
