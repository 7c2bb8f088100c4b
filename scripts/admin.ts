import type { FastifyInstance } from 'fastify';
import { loadConfig } from '../src/config.ts';
import { ROLES } from '../src/domain/accounts/roles.ts';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/process.ts';
import { confirmByHand, grantRole } from './support/accounts.ts';
import { withApp } from './support/app.ts';
import { backUp, restore } from './support/backup.ts';
import { withDatabase } from './support/embedded-postgres.ts';
import { mailTest } from './support/mail-test.ts';
import { printSettings, setSetting } from './support/settings.ts';

const USAGE = `Usage: npm run admin -- COMMAND
  grant EMAIL ROLE   gives an account a role: ${ROLES.join(', ')}
  confirm EMAIL      confirms an account without an email
  mail-test EMAIL    sends an email, prints the mail server's response and checks the sender's DNS records
  settings get       prints the settings of the site and its pages
  settings set NAME VALUE  changes one of them
  backup FILE        writes the whole database to a new file
  restore FILE       restores a backup into an empty database`;

type Command = (...args: string[]) => Promise<void>;

/** Each command, of one word or two, and its number of arguments. */
const commands = new Map<string, { run: Command; arity: number }>([
  ['grant', { run: inApp((app, email = '', role = '') => grantRole(app.db, email, role)), arity: 2 }],
  ['confirm', { run: inApp((app, email = '') => confirmByHand(app.db, email)), arity: 1 }],
  ['mail-test', { run: inApp(mailTest), arity: 1 }],
  ['settings get', { run: inApp(printSettings), arity: 0 }],
  ['settings set', { run: inApp(setSetting), arity: 2 }],
  ['backup', { run: onDatabase(backUp), arity: 1 }],
  ['restore', { run: onDatabase(restore), arity: 1 }],
]);

/** `npm run admin -- COMMAND`: operator commands. */
await runMain(async () => {
  const [first = '', ...rest] = process.argv.slice(2);
  const pair = commands.get(`${first} ${rest[0]}`);
  const command = pair ?? commands.get(first);
  const args = pair === undefined ? rest : rest.slice(1);
  if (command === undefined || args.length !== command.arity) throw new StartupError(2, USAGE);
  await command.run(...args);
});

/** A command that needs the application. Prints its result. */
function inApp(run: (app: FastifyInstance, ...args: string[]) => Promise<string>): Command {
  return (...args) => withApp(async (app) => console.log(await run(app, ...args)));
}

/** A command that only needs the database, whatever its schema. Prints its result. */
function onDatabase(run: (databaseUrl: string, file: string) => Promise<string>): Command {
  return (file = '') => withDatabase(loadConfig(), async (url) => console.log(await run(url, file)));
}
