import type { FastifyInstance } from 'fastify';
import { ROLES } from '../src/domain/accounts/roles.ts';
import { StartupError } from '../src/errors.ts';
import { runMain } from '../src/process.ts';
import { confirmByHand, grantRole } from './support/accounts.ts';
import { withApp } from './support/app.ts';
import { mailTest } from './support/mail-test.ts';

const USAGE = `Usage: npm run admin -- COMMAND
  grant EMAIL ROLE   gives an account a role: ${ROLES.join(', ')}
  confirm EMAIL      confirms an account without an email
  mail-test EMAIL    sends an email through the configured server and prints its response`;

type Command = (app: FastifyInstance, ...args: string[]) => Promise<string>;

/** Each command and its number of arguments. */
const commands = new Map<string, { run: Command; arity: number }>([
  ['grant', { run: (app, email = '', role = '') => grantRole(app.db, email, role), arity: 2 }],
  ['confirm', { run: (app, email = '') => confirmByHand(app.db, email), arity: 1 }],
  ['mail-test', { run: (app, email = '') => mailTest(app, email), arity: 1 }],
]);

/** `npm run admin -- COMMAND`: operator commands. */
await runMain(async () => {
  const [name = '', ...args] = process.argv.slice(2);
  const command = commands.get(name);
  if (command === undefined || args.length !== command.arity) throw new StartupError(2, USAGE);

  await withApp(async (app) => console.log(await command.run(app, ...args)));
});
